package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// proxy stands between a command and the API server, ends TLS with the server's own certificate, counts, and
// holds every request back for a while. Only counting runs go through it: timed ones meet the server itself.
type proxy struct {
	address  string
	requests atomic.Int64
	// bytes on the wire in both directions, TLS included.
	bytes atomic.Int64
	// trace gets a line for each request.
	trace *log.Logger
}

// listen starts a proxy that ends with the process.
func listen(delay time.Duration, trace *log.Logger) (*proxy, error) {
	dir := filepath.Join(os.Getenv("LAB_DIR"), "certs")
	certificate, err := tls.LoadX509KeyPair(filepath.Join(dir, "apiserver.crt"), filepath.Join(dir, "apiserver.key"))
	if err != nil {
		return nil, err
	}
	transport, err := upstream()
	if err != nil {
		return nil, err
	}
	server, err := url.Parse(os.Getenv("LAB_SERVER"))
	if err != nil {
		return nil, err
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{address: "https://" + plain.Addr().String(), trace: trace}
	forward := &httputil.ReverseProxy{
		Rewrite:       func(request *httputil.ProxyRequest) { request.SetURL(server) },
		Transport:     transport,
		FlushInterval: -1,
		ErrorLog:      log.New(os.Stderr, "bench: proxy: ", 0),
	}
	service := &http.Server{Handler: p.counted(forward, delay), ErrorLog: forward.ErrorLog, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}}}
	go func() { log.Fatalln("bench: proxy:", service.ServeTLS(countedListener{plain, p}, "", "")) }()
	return p, nil
}

func upstream() (*http.Transport, error) {
	pem, err := os.ReadFile(os.Getenv("LAB_CA"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	// Compression is between the command and the server: the answer passes as it is.
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true, DisableCompression: true}, nil
}

func (p *proxy) counted(next http.Handler, delay time.Duration) http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		p.requests.Add(1)
		start := time.Now()
		time.Sleep(delay)
		next.ServeHTTP(writer, request)
		p.trace.Printf("%7.1f ms %s %s %s", float64(time.Since(start).Microseconds())/1000, request.Proto, request.Method, request.URL.RequestURI())
	})
}

func (p *proxy) reset() {
	p.requests.Store(0)
	p.bytes.Store(0)
}

type countedListener struct {
	net.Listener
	proxy *proxy
}

func (l countedListener) Accept() (net.Conn, error) {
	connection, err := l.Listener.Accept()
	if err != nil {
		return nil, fmt.Errorf("accept: %w", err)
	}
	return countedConnection{connection, l.proxy}, nil
}

type countedConnection struct {
	net.Conn
	proxy *proxy
}

func (c countedConnection) Read(buffer []byte) (int, error) {
	count, err := c.Conn.Read(buffer)
	c.proxy.bytes.Add(int64(count))
	return count, err
}

func (c countedConnection) Write(buffer []byte) (int, error) {
	count, err := c.Conn.Write(buffer)
	c.proxy.bytes.Add(int64(count))
	return count, err
}
