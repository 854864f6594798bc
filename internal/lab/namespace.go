// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// inNamespace runs f on a thread inside a network namespace.
func inNamespace(namespace string, f func() error) error {
	return onOwnThread(func() error {
		handle, err := os.Open("/run/netns/" + namespace)
		if err != nil {
			return fmt.Errorf("opening the namespace: %w", err)
		}
		err = unix.Setns(int(handle.Fd()), unix.CLONE_NEWNET)
		_ = handle.Close()
		if err != nil {
			return fmt.Errorf("entering the namespace %s: %w", namespace, err)
		}
		return f()
	})
}

// onOwnThread runs f on a thread that ends with it, so that f may leave it in
// any state. The process's first thread cannot end: Go parks it as it was left,
// and what reads /proc takes the whole process for one of the namespace that f
// entered. That thread is held while another does the work.
func onOwnThread(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			err := onOwnThread(f)
			runtime.UnlockOSThread()
			result <- err
			return
		}
		// Never unlocked: the thread ends with the goroutine.
		result <- f()
	}()
	return <-result
}

// dialFrom opens a TCP connection from inside a namespace. The socket is made
// on the thread that is there; it stays there for good.
func dialFrom(ctx context.Context, namespace, address string) (net.Conn, error) {
	var fd int
	err := inNamespace(namespace, func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	target, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	err = unix.Connect(fd, &unix.SockaddrInet4{Port: target.Port, Addr: [4]byte(target.IP.To4())})
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return nil, errors.Join(err, unix.Close(fd))
	}
	if err := waitWritable(ctx, fd); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	file := os.NewFile(uintptr(fd), "tcp "+address)
	defer func() { _ = file.Close() }()
	return net.FileConn(file)
}

// waitWritable waits up to two seconds for a connection to stand.
func waitWritable(ctx context.Context, fd int) error {
	for range 20 {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 100)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		if ready > 0 {
			code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
			if err != nil {
				return err
			}
			if code != 0 {
				return unix.Errno(code)
			}
			return nil
		}
	}
	return os.ErrDeadlineExceeded
}
