package main

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	storagelisters "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

const workers = 4

// standin holds the caches of everything it reads and one queue of names to look at again. A name is
// queued by watches only, and handled by comparing what is with what should be.
type standin struct {
	client  kubernetes.Interface
	factory informers.SharedInformerFactory
	queue   workqueue.TypedRateLimitingInterface[item]

	pods     corelisters.PodLister
	nodes    corelisters.NodeLister
	claims   corelisters.PersistentVolumeClaimLister
	volumes  corelisters.PersistentVolumeLister
	services corelisters.ServiceLister
	classes  storagelisters.StorageClassLister
}

type kind string

const (
	pod     kind = "pod"
	claim   kind = "claim"
	volume  kind = "volume"
	service kind = "service"
)

type item struct {
	kind      kind
	namespace string
	name      string
}

func newStandin(client kubernetes.Interface) *standin {
	factory := informers.NewSharedInformerFactory(client, 0)
	core := factory.Core().V1()
	return &standin{
		client:  client,
		factory: factory,
		queue: workqueue.NewTypedRateLimitingQueue(
			// A conflict means that a controller was faster: its write is on the way to our cache.
			workqueue.NewTypedItemExponentialFailureRateLimiter[item](20*time.Millisecond, 2*time.Second)),
		pods:     core.Pods().Lister(),
		nodes:    core.Nodes().Lister(),
		claims:   core.PersistentVolumeClaims().Lister(),
		volumes:  core.PersistentVolumes().Lister(),
		services: core.Services().Lister(),
		classes:  factory.Storage().V1().StorageClasses().Lister(),
	}
}

// start returns once the caches are filled; the work goes on until the context ends.
func (s *standin) start(ctx context.Context) error {
	if err := s.observe(); err != nil {
		return err
	}
	s.factory.Start(ctx.Done())
	for kind, synced := range s.factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("no watch on %v", kind)
		}
	}
	for range workers {
		go s.work(ctx)
	}
	go func() {
		<-ctx.Done()
		s.queue.ShutDown()
	}()
	return nil
}

func (s *standin) observe() error {
	core := s.factory.Core().V1()
	for informer, changed := range map[cache.SharedIndexInformer]func(any){
		core.Pods().Informer():     func(o any) { s.add(pod, o) },
		core.Services().Informer(): func(o any) { s.add(service, o) },
		core.Nodes().Informer():    func(any) { s.addPods("") },
		core.PersistentVolumeClaims().Informer(): func(o any) {
			s.add(claim, o)
			s.addPods(o.(*corev1.PersistentVolumeClaim).Namespace)
		},
		core.PersistentVolumes().Informer(): func(o any) {
			s.add(volume, o)
			if reference := o.(*corev1.PersistentVolume).Spec.ClaimRef; reference != nil {
				s.queue.Add(item{claim, reference.Namespace, reference.Name})
			}
		},
		s.factory.Storage().V1().StorageClasses().Informer(): func(any) { s.addClaims() },
	} {
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    changed,
			UpdateFunc: func(_, now any) { changed(now) },
			// What is gone needs nothing done: pods and claims that it kept waiting are told by their own events.
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *standin) add(kind kind, object any) {
	key, err := cache.MetaNamespaceKeyFunc(object)
	if err != nil {
		log.Print(err)
		return
	}
	namespace, name, found := strings.Cut(key, "/")
	if !found {
		namespace, name = "", key
	}
	s.queue.Add(item{kind, namespace, name})
}

// addPods queues the pods that may now find a place; namespace "" means everywhere.
func (s *standin) addPods(namespace string) {
	pods, _ := s.pods.Pods(namespace).List(labels.Everything()) // a cache's list cannot fail
	for _, candidate := range pods {
		if candidate.Spec.NodeName == "" {
			s.add(pod, candidate)
		}
	}
}

func (s *standin) addClaims() {
	claims, _ := s.claims.List(labels.Everything())
	for _, candidate := range claims {
		s.add(claim, candidate)
	}
}

func (s *standin) work(ctx context.Context) {
	for {
		next, shutdown := s.queue.Get()
		if shutdown {
			return
		}
		err := s.handle(ctx, next)
		switch {
		case err == nil, apierrors.IsNotFound(err): // gone meanwhile: nothing left to do
			s.queue.Forget(next)
		default:
			if !apierrors.IsConflict(err) {
				log.Printf("%s %s/%s: %v", next.kind, next.namespace, next.name, err)
			}
			s.queue.AddRateLimited(next)
		}
		s.queue.Done(next)
	}
}

func (s *standin) handle(ctx context.Context, next item) error {
	switch next.kind {
	case pod:
		return s.schedule(ctx, next)
	case claim:
		return s.provision(ctx, next)
	case volume:
		return s.reclaim(ctx, next)
	default:
		return s.balance(ctx, next)
	}
}
