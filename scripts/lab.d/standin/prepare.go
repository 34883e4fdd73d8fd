package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	mrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// prepare writes what the lab's programs need before they start.
func prepare(dir string) error {
	for _, sub := range []string{"certs", "kubeconfigs"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}
	authority, err := writeCertificates(filepath.Join(dir, "certs"))
	if err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	ports, err := freePorts(5)
	if err != nil {
		return err
	}
	lines := fmt.Sprintf("etcd=%d\netcd_peer=%d\napiserver=%d\ncontroller_manager=%d\npostgres=%d\n",
		ports[0], ports[1], ports[2], ports[3], ports[4])
	if err := os.WriteFile(filepath.Join(dir, "ports"), []byte(lines), 0o600); err != nil {
		return err
	}
	return writeUsers(dir, fmt.Sprintf("https://127.0.0.1:%d", ports[2]), authority)
}

// freePorts stays below the range the kernel hands to outgoing connections: a port from that range
// may be taken by a client between being found free here and being listened on.
func freePorts(count int) ([]int, error) {
	var ports []int
	for range 1000 {
		port := 20000 + mrand.IntN(9000)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer listener.Close() // held until all are found, so that none is found twice
		if ports = append(ports, port); len(ports) == count {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("no %d free ports on the loopback address", count)
}

func writeUsers(dir, server string, authority []byte) error {
	var tokens, env strings.Builder
	fmt.Fprintf(&env, "export LAB_DIR='%s'\n", dir)
	fmt.Fprintf(&env, "export LAB_SERVER='%s'\n", server)
	fmt.Fprintf(&env, "export LAB_CA='%s'\n", filepath.Join(dir, "certs", "ca.crt"))
	fmt.Fprintf(&env, "export KUBECONFIG='%s'\n", filepath.Join(dir, "kubeconfig"))
	for _, user := range users {
		token, err := randomToken()
		if err != nil {
			return err
		}
		group := ""
		if user.group != "" {
			group = `,"` + user.group + `"`
		}
		fmt.Fprintf(&tokens, "%s,%s,%s%s\n", token, user.name, user.name, group)
		file := filepath.Join(dir, "kubeconfigs", user.name)
		if err := writeKubeconfig(file, user.name, server, token, authority); err != nil {
			return err
		}
		variable := strings.ReplaceAll(user.name, "-", "_")
		fmt.Fprintf(&env, "export LAB_TOKEN_%s='%s'\n", variable, token)
		fmt.Fprintf(&env, "export LAB_KUBECONFIG_%s='%s'\n", variable, file)
		if user.name == "admin" {
			if err := writeKubeconfig(filepath.Join(dir, "kubeconfig"), user.name, server, token, authority); err != nil {
				return err
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "tokens.csv"), []byte(tokens.String()), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "env"), []byte(env.String()), 0o600)
}

func randomToken() (string, error) {
	bytes := make([]byte, 16)
	_, err := rand.Read(bytes)
	return hex.EncodeToString(bytes), err
}

func writeKubeconfig(file, user, server, token string, authority []byte) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["lab"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: authority}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts["lab"] = &clientcmdapi.Context{Cluster: "lab", AuthInfo: user, Namespace: "default"}
	config.CurrentContext = "lab"
	return clientcmd.WriteToFile(*config, file)
}

// writeCertificates makes an authority, the API server's certificate and the key that signs
// ServiceAccount tokens, and returns the authority's certificate.
func writeCertificates(dir string) ([]byte, error) {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	authority := certificate("lab authority")
	authority.IsCA = true
	authority.KeyUsage |= x509.KeyUsageCertSign
	authorityDER, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		return nil, err
	}
	serverKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	server := certificate("kube-apiserver")
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)}
	server.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	serverDER, err := x509.CreateCertificate(rand.Reader, server, authority, serverKey.Public(), authorityKey)
	if err != nil {
		return nil, err
	}
	serverKeyDER, err := x509.MarshalPKCS8PrivateKey(serverKey)
	if err != nil {
		return nil, err
	}
	accounts, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	authorityPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authorityDER})
	for name, data := range map[string][]byte{
		"ca.crt":              authorityPEM,
		"apiserver.crt":       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: serverDER}),
		"apiserver.key":       pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: serverKeyDER}),
		"service-account.key": pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(accounts)}),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return nil, err
		}
	}
	return authorityPEM, nil
}

func certificate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber:          big.NewInt(mrand.Int64()),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(365 * 24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}
}
