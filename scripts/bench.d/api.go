package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// api is the lab's API server, as its administrator.
type api struct {
	server, token string
	client        *http.Client
}

func connect() (*api, error) {
	pem, err := os.ReadFile(os.Getenv("LAB_CA"))
	if err != nil {
		return nil, fmt.Errorf("the lab's environment is missing: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in " + os.Getenv("LAB_CA"))
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true, DisableCompression: true}
	return &api{os.Getenv("LAB_SERVER"), os.Getenv("LAB_TOKEN_admin"), &http.Client{Transport: transport, Timeout: time.Minute}}, nil
}

// create posts an object. What a stopped earlier run left is an error: a lab is used once.
func (a *api) create(body object) error {
	path := collection(body) + "?fieldManager=helm"
	_, err := a.do(http.MethodPost, path, body)
	return err
}

func collection(body object) string {
	version, kind := body["apiVersion"].(string), body["kind"].(string)
	path := "/apis/" + version
	if version == "v1" {
		path = "/api/v1"
	}
	if namespace, ok := body["metadata"].(object)["namespace"].(string); ok {
		path += "/namespaces/" + namespace
	}
	return path + "/" + plural(kind)
}

func (a *api) do(method, path string, body any) ([]byte, error) {
	request, err := http.NewRequest(method, a.server+path, bytes.NewReader(mustJSON(body)))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, response.Status, answer)
	}
	return answer, err
}

// established waits until custom resources of every definition can be created.
func (a *api) established(definitions []object) error {
	for _, definition := range definitions {
		path := collection(definition) + "/" + definition["metadata"].(object)["name"].(string)
		if err := eventually(func() (bool, error) { return a.isEstablished(path) }); err != nil {
			return err
		}
	}
	return nil
}

func (a *api) isEstablished(path string) (bool, error) {
	answer, err := a.do(http.MethodGet, path, nil)
	if err != nil {
		return false, err
	}
	var definition struct {
		Status struct {
			Conditions []struct{ Type, Status string }
		}
	}
	if err := json.Unmarshal(answer, &definition); err != nil {
		return false, err
	}
	for _, condition := range definition.Status.Conditions {
		if condition.Type == "Established" && condition.Status == "True" {
			return true, nil
		}
	}
	return false, nil
}

// settled waits until no Pod of the namespace is on its way.
func (a *api) settled(namespace string) error {
	return eventually(func() (bool, error) {
		answer, err := a.do(http.MethodGet, "/api/v1/namespaces/"+namespace+"/pods", nil)
		if err != nil {
			return false, err
		}
		ready := strings.Count(string(answer), `"phase":"Running"`)
		return ready > 0 && !strings.Contains(string(answer), `"phase":"Pending"`), nil
	})
}

func eventually(done func() (bool, error)) error {
	for range 300 {
		ok, err := done()
		if err != nil || ok {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.New("not ready within 30 s")
}
