package main

import (
	"context"
	"fmt"
	"hash/fnv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// balance gives a LoadBalancer Service an address and takes it back when the type changes. A Service
// with a class of its own is left waiting, as a cloud's controller leaves it.
func (s *standin) balance(ctx context.Context, next item) error {
	exposed, err := s.services.Services(next.namespace).Get(next.name)
	if err != nil || exposed.DeletionTimestamp != nil {
		return err
	}
	wants := exposed.Spec.Type == corev1.ServiceTypeLoadBalancer && exposed.Spec.LoadBalancerClass == nil
	has := len(exposed.Status.LoadBalancer.Ingress) > 0
	if wants == has {
		return nil
	}
	updated := exposed.DeepCopy()
	updated.Status.LoadBalancer.Ingress = nil
	if wants {
		updated.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: address(exposed)}}
	}
	_, err = s.client.CoreV1().Services(exposed.Namespace).UpdateStatus(ctx, updated, metav1.UpdateOptions{})
	return err
}

// address is the one asked for, or one of the benchmarking range, the same for the same Service.
func address(service *corev1.Service) string {
	if service.Spec.LoadBalancerIP != "" {
		return service.Spec.LoadBalancerIP
	}
	hash := fnv.New32a()
	hash.Write([]byte(service.UID))
	sum := hash.Sum32()
	return fmt.Sprintf("198.18.%d.%d", sum>>8&0xff, sum&0xff)
}
