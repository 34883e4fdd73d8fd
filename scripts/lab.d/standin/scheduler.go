package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
)

const selectedNode = "volume.kubernetes.io/selected-node"

// schedule binds a pod to the first node that its selector and affinity allow, once its claims are
// bound, as a scheduler would. Capacity, taints and spreading are not looked at.
func (s *standin) schedule(ctx context.Context, next item) error {
	waiting, err := s.pods.Pods(next.namespace).Get(next.name)
	if err != nil || !schedulable(waiting) {
		return err
	}
	target, err := s.fittingNode(waiting)
	if err != nil {
		return err
	}
	if target == "" {
		return s.refuse(ctx, waiting, "0 nodes are available: none matches the pod's node selector or affinity")
	}
	for _, name := range claimNames(waiting) {
		obstacle, err := s.claimObstacle(ctx, waiting.Namespace, name, target)
		if err != nil {
			return err
		}
		if obstacle != "" {
			return s.refuse(ctx, waiting, obstacle)
		}
	}
	err = s.client.CoreV1().Pods(waiting.Namespace).Bind(ctx, &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Namespace: waiting.Namespace, Name: waiting.Name, UID: waiting.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: target},
	}, metav1.CreateOptions{})
	if apierrors.IsConflict(err) {
		return nil // bound already, or replaced by a pod of the same name: its event is on the way
	}
	return err
}

func schedulable(pod *corev1.Pod) bool {
	return pod.Spec.NodeName == "" && pod.DeletionTimestamp == nil &&
		pod.Spec.SchedulerName == corev1.DefaultSchedulerName && len(pod.Spec.SchedulingGates) == 0
}

func (s *standin) fittingNode(pod *corev1.Pod) (string, error) {
	nodes, err := s.nodes.List(labels.Everything())
	if err != nil {
		return "", err
	}
	required := nodeaffinity.GetRequiredNodeAffinity(pod)
	for _, node := range nodes {
		if fits, err := required.Match(node); err == nil && fits && !node.Spec.Unschedulable {
			return node.Name, nil
		}
	}
	return "", nil
}

func claimNames(pod *corev1.Pod) []string {
	var names []string
	for _, volume := range pod.Spec.Volumes {
		switch {
		case volume.PersistentVolumeClaim != nil:
			names = append(names, volume.PersistentVolumeClaim.ClaimName)
		case volume.Ephemeral != nil:
			names = append(names, pod.Name+"-"+volume.Name)
		}
	}
	return names
}

// claimObstacle says why a pod has to wait for a claim. It marks a claim whose class waits for its
// first consumer with the chosen node, which makes the volume controller ask for a volume.
func (s *standin) claimObstacle(ctx context.Context, namespace, name, node string) (string, error) {
	wanted, err := s.claims.PersistentVolumeClaims(namespace).Get(name)
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Sprintf("persistentvolumeclaim %q not found", name), nil
	case err != nil:
		return "", err
	case wanted.DeletionTimestamp != nil:
		return fmt.Sprintf("persistentvolumeclaim %q is being deleted", name), nil
	case wanted.Status.Phase == corev1.ClaimBound:
		return "", nil
	}
	if s.waitsForConsumer(wanted) && wanted.Annotations[selectedNode] == "" {
		marked := wanted.DeepCopy()
		metav1.SetMetaDataAnnotation(&marked.ObjectMeta, selectedNode, node)
		_, err := s.client.CoreV1().PersistentVolumeClaims(namespace).Update(ctx, marked, metav1.UpdateOptions{})
		return "waiting for a volume", err
	}
	return "pod has unbound immediate PersistentVolumeClaims", nil
}

func (s *standin) waitsForConsumer(claim *corev1.PersistentVolumeClaim) bool {
	class := s.classOf(claim)
	return class != nil && class.VolumeBindingMode != nil && *class.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer
}

// refuse records the reason where people and Helm look for it.
func (s *standin) refuse(ctx context.Context, pod *corev1.Pod, message string) error {
	refused := pod.DeepCopy()
	condition := corev1.PodCondition{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse,
		Reason: corev1.PodReasonUnschedulable, Message: message, LastTransitionTime: metav1.Now(),
	}
	for i, present := range refused.Status.Conditions {
		if present.Type != corev1.PodScheduled {
			continue
		}
		if present.Message == message {
			return nil
		}
		refused.Status.Conditions[i] = condition
		return s.updateStatus(ctx, refused)
	}
	refused.Status.Conditions = append(refused.Status.Conditions, condition)
	return s.updateStatus(ctx, refused)
}

func (s *standin) updateStatus(ctx context.Context, pod *corev1.Pod) error {
	_, err := s.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{})
	return err
}
