// Command lab-standin does for the lab what no real part does there without a container runtime: it
// prepares certificates, ports and kubeconfigs, and then plays scheduler, volume provisioner and
// load balancer. Everything else in the lab is the real program.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const usage = `usage: lab-standin prepare|wait-api|run --dir DIR

  prepare   write certificates, ports, tokens, kubeconfigs and the environment file into DIR
  wait-api  return once the API server of DIR is ready
  run       seed node, storage classes and roles, write DIR/ready, then play the missing parts`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "lab-standin:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	flags := flag.NewFlagSet("lab-standin "+args[0], flag.ContinueOnError)
	dir := flags.String("dir", "", "the lab's directory")
	timeout := flags.Duration("timeout", 60*time.Second, "how long wait-api waits")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if *dir == "" {
		return errors.New("--dir is missing\n" + usage)
	}
	switch args[0] {
	case "prepare":
		return prepare(*dir)
	case "wait-api":
		return waitForAPI(ctx, *dir, *timeout)
	case "run":
		return play(ctx, *dir)
	}
	return fmt.Errorf("unknown command %q\n%s", args[0], usage)
}

func connect(dir string) (*kubernetes.Clientset, error) {
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(dir, "kubeconfig"))
	if err != nil {
		return nil, err
	}
	config.QPS = -1 // the lab's own server needs no protection from the lab
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	config.UserAgent = "lab-standin"
	return kubernetes.NewForConfig(rest.CopyConfig(config))
}

// waitForAPI asks again and again because nothing can be watched before the server answers.
func waitForAPI(ctx context.Context, dir string, timeout time.Duration) error {
	client, err := connect(dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		_, err = client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("API server not ready after %s: %w", timeout, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func play(ctx context.Context, dir string) error {
	client, err := connect(dir)
	if err != nil {
		return err
	}
	if err := seed(ctx, client); err != nil {
		return err
	}
	parts := newStandin(client)
	if err := parts.start(ctx); err != nil {
		return err
	}
	if err := waitSeeded(ctx, client); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "ready"), nil, 0o644); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
