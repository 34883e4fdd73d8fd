package main

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	storageProvisioner = "volume.kubernetes.io/storage-provisioner"
	provisionedBy      = "pv.kubernetes.io/provisioned-by"

	driver = "standin.lab.local" // a driver's name may not hold a slash, unlike a provisioner's
)

// provision makes the volume that a claim asks for, and grows it when the claim does. The volume
// controller sets the provisioner annotation when no existing volume matched, so waiting for the
// annotation leaves hand-made volumes to it; the same controller then binds what is made here.
func (s *standin) provision(ctx context.Context, next item) error {
	wanted, err := s.claims.PersistentVolumeClaims(next.namespace).Get(next.name)
	if err != nil || wanted.DeletionTimestamp != nil {
		return err
	}
	class := s.classOf(wanted)
	if class == nil || class.Provisioner != provisioner {
		return nil
	}
	switch {
	case wanted.Spec.VolumeName != "":
		return s.expand(ctx, wanted)
	case wanted.Annotations[storageProvisioner] != provisioner, wanted.Spec.Selector != nil:
		return nil
	}
	_, err = s.client.CoreV1().PersistentVolumes().Create(ctx, volumeFor(wanted, class), metav1.CreateOptions{})
	return unlessExists(err)
}

func (s *standin) classOf(claim *corev1.PersistentVolumeClaim) *storagev1.StorageClass {
	if claim.Spec.StorageClassName == nil {
		return nil
	}
	class, err := s.classes.Get(*claim.Spec.StorageClassName)
	if err != nil {
		return nil // no such class yet: its creation queues every claim
	}
	return class
}

func volumeFor(claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) *corev1.PersistentVolume {
	policy := corev1.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		policy = *class.ReclaimPolicy
	}
	name := "pvc-" + string(claim.UID)
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{provisionedBy: provisioner}},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes:                   claim.Spec.AccessModes,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage]},
			MountOptions:                  class.MountOptions,
			PersistentVolumeReclaimPolicy: policy,
			StorageClassName:              class.Name,
			VolumeMode:                    claim.Spec.VolumeMode,
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim",
				Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				CSI: &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: name},
			},
		},
	}
}

// expand follows a claim that asks for more than it has; admission has checked that its class allows it.
func (s *standin) expand(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	asked, has := claim.Spec.Resources.Requests[corev1.ResourceStorage], claim.Status.Capacity[corev1.ResourceStorage]
	if claim.Status.Phase != corev1.ClaimBound || asked.Cmp(has) <= 0 {
		return nil
	}
	bound, err := s.volumes.Get(claim.Spec.VolumeName)
	if err != nil {
		return err
	}
	if size := bound.Spec.Capacity[corev1.ResourceStorage]; asked.Cmp(size) > 0 {
		grown := bound.DeepCopy()
		grown.Spec.Capacity[corev1.ResourceStorage] = asked
		if _, err := s.client.CoreV1().PersistentVolumes().Update(ctx, grown, metav1.UpdateOptions{}); err != nil {
			return err
		}
	}
	served := claim.DeepCopy()
	served.Status.Capacity[corev1.ResourceStorage] = asked
	served.Status.Conditions = nil
	_, err = s.client.CoreV1().PersistentVolumeClaims(claim.Namespace).UpdateStatus(ctx, served, metav1.UpdateOptions{})
	return err
}

// reclaim deletes a volume whose claim is gone when its policy says so. Retain is nobody's work.
func (s *standin) reclaim(ctx context.Context, next item) error {
	released, err := s.volumes.Get(next.name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if released.Status.Phase != corev1.VolumeReleased || released.DeletionTimestamp != nil ||
		released.Annotations[provisionedBy] != provisioner ||
		released.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
		return nil
	}
	return s.client.CoreV1().PersistentVolumes().Delete(ctx, released.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &released.UID, ResourceVersion: &released.ResourceVersion},
	})
}
