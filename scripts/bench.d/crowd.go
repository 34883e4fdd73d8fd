package main

import (
	"fmt"
	"sync"
)

const (
	crowdOfPods            = 20_000
	crowdOfCustomResources = 5_000
	creators               = 16
)

// crowd fills a namespace with Pods that nothing runs and with custom resources, none of them the release's.
func (a *api) crowd(namespace string) error {
	if err := inParallel(crowdOfPods, func(n int) error { return a.create(strayPod(namespace, n)) }); err != nil {
		return err
	}
	return inParallel(crowdOfCustomResources, func(n int) error { return a.create(strayMonitor(namespace, n)) })
}

// strayPod has no node, so no kubelet touches it.
func strayPod(namespace string, n int) object {
	labels := object{"app.kubernetes.io/name": "stray", "app.kubernetes.io/instance": fmt.Sprintf("stray-%d", n%200)}
	environment := []object{}
	for i := range 20 {
		environment = append(environment, object{"name": fmt.Sprintf("SETTING_%d", i), "value": "a value as long as such values are"})
	}
	container := object{"name": "main", "image": "registry.example/stray:1.0", "env": environment}
	return object{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": object{"name": fmt.Sprintf("stray-%05d", n), "namespace": namespace, "labels": labels},
		"spec":     object{"containers": []object{container}},
	}
}

func strayMonitor(namespace string, n int) object {
	return object{
		"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor",
		"metadata": object{"name": fmt.Sprintf("stray-%05d", n), "namespace": namespace},
		"spec":     object{"selector": object{"matchLabels": object{"app": "stray"}}, "endpoints": []object{{"port": "metrics"}}},
	}
}

// inParallel does something for each number; the first error wins.
func inParallel(count int, do func(int) error) error {
	numbers := make(chan int)
	errs := make(chan error, creators)
	var group sync.WaitGroup
	for range creators {
		group.Add(1)
		go func() {
			defer group.Done()
			for n := range numbers {
				if err := do(n); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	var failed error
feed:
	for n := range count {
		select {
		case numbers <- n:
		case failed = <-errs:
			break feed
		}
	}
	close(numbers)
	group.Wait()
	if failed == nil && len(errs) > 0 {
		failed = <-errs
	}
	return failed
}
