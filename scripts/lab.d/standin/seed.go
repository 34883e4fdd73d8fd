package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

const (
	nodeName    = "lab-0"
	provisioner = "lab.local/standin"
)

type user struct {
	name  string
	group string
	// roles are ClusterRoles, the server's own or one of those below.
	roles []string
}

// users are the three levels a reader may be granted, one who may deploy, and the two ends.
var users = []user{
	{name: "admin", group: "system:masters"},
	{name: "records-only", roles: []string{"lab:records"}},
	{name: "viewer", roles: []string{"lab:records", "view"}},
	{name: "cluster-viewer", roles: []string{"lab:records", "view", "lab:cluster-read"}},
	{name: "deployer", roles: []string{"admin"}},
	{name: "nobody"},
}

var clusterRoles = map[string][]rbacv1.PolicyRule{
	"lab:records": {rule("", "secrets", "configmaps")},
	"lab:cluster-read": {
		rule("", "persistentvolumes", "nodes", "namespaces"),
		rule("storage.k8s.io", "storageclasses", "volumeattributesclasses"),
		rule("apiextensions.k8s.io", "customresourcedefinitions"),
		rule("apiregistration.k8s.io", "apiservices"),
		rule("admissionregistration.k8s.io", "*"),
		rule("scheduling.k8s.io", "priorityclasses"),
		rule("node.k8s.io", "runtimeclasses"),
		rule("networking.k8s.io", "ingressclasses"),
		rule("rbac.authorization.k8s.io", "*"),
	},
}

func rule(group string, resources ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: []string{"get", "list", "watch"}}
}

func seed(ctx context.Context, client kubernetes.Interface) error {
	_, err := client.CoreV1().Nodes().Create(ctx, node(), metav1.CreateOptions{})
	if err := unlessExists(err); err != nil {
		return fmt.Errorf("node: %w", err)
	}
	for _, class := range classes() {
		_, err := client.StorageV1().StorageClasses().Create(ctx, class, metav1.CreateOptions{})
		if err := unlessExists(err); err != nil {
			return fmt.Errorf("storage class %s: %w", class.Name, err)
		}
	}
	return seedAccess(ctx, client)
}

func seedAccess(ctx context.Context, client kubernetes.Interface) error {
	for name, rules := range clusterRoles {
		role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}
		_, err := client.RbacV1().ClusterRoles().Create(ctx, role, metav1.CreateOptions{})
		if err := unlessExists(err); err != nil {
			return fmt.Errorf("role %s: %w", name, err)
		}
	}
	for _, user := range users {
		for _, role := range user.roles {
			binding := &rbacv1.ClusterRoleBinding{
				ObjectMeta: metav1.ObjectMeta{Name: "lab:" + user.name + ":" + role},
				Subjects:   []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: user.name}},
				RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			}
			_, err := client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{})
			if err := unlessExists(err); err != nil {
				return fmt.Errorf("binding %s: %w", binding.Name, err)
			}
		}
	}
	return nil
}

func unlessExists(err error) error {
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func node() *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: nodeName,
		Labels: map[string]string{
			corev1.LabelHostname:             nodeName,
			corev1.LabelOSStable:             "linux",
			corev1.LabelArchStable:           "amd64",
			corev1.LabelTopologyZone:         "lab-a",
			corev1.LabelTopologyRegion:       "lab",
			"node-role.kubernetes.io/worker": "",
		},
	}}
}

func classes() []*storagev1.StorageClass {
	immediate, expand := storagev1.VolumeBindingImmediate, true
	class := func(name string, policy corev1.PersistentVolumeReclaimPolicy) *storagev1.StorageClass {
		return &storagev1.StorageClass{
			ObjectMeta:           metav1.ObjectMeta{Name: name},
			Provisioner:          provisioner,
			ReclaimPolicy:        &policy,
			VolumeBindingMode:    &immediate,
			AllowVolumeExpansion: &expand,
		}
	}
	standard := class("standard", corev1.PersistentVolumeReclaimDelete)
	standard.Annotations = map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}
	return []*storagev1.StorageClass{standard, class("retained", corev1.PersistentVolumeReclaimRetain)}
}

// waitSeeded returns when pods can be created and become ready: the node is, and the controller
// manager has made the ServiceAccount without which admission refuses every pod.
func waitSeeded(ctx context.Context, client kubernetes.Interface) error {
	nodes := client.CoreV1().Nodes()
	err := waitFor(ctx, nodeName, &corev1.Node{}, nodes.List, nodes.Watch, func(object runtime.Object) bool {
		for _, condition := range object.(*corev1.Node).Status.Conditions {
			if condition.Type == corev1.NodeReady {
				return condition.Status == corev1.ConditionTrue
			}
		}
		return false
	})
	if err != nil {
		return fmt.Errorf("node %s not ready: %w", nodeName, err)
	}
	accounts := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault)
	err = waitFor(ctx, "default", &corev1.ServiceAccount{}, accounts.List, accounts.Watch, func(runtime.Object) bool { return true })
	if err != nil {
		return fmt.Errorf("ServiceAccount default: %w", err)
	}
	return nil
}

func waitFor[L runtime.Object](
	ctx context.Context,
	name string,
	kind runtime.Object,
	list func(context.Context, metav1.ListOptions) (L, error),
	observe func(context.Context, metav1.ListOptions) (watch.Interface, error),
	done func(runtime.Object) bool,
) error {
	selector := fields.OneTermEqualSelector("metadata.name", name).String()
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.FieldSelector = selector
			return list(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.FieldSelector = selector
			return observe(ctx, options)
		},
	}
	_, err := watchtools.UntilWithSync(ctx, source, kind, nil, func(event watch.Event) (bool, error) {
		return event.Type != watch.Deleted && done(event.Object), nil
	})
	return err
}
