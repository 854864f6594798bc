// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// openTAP makes a TAP device inside a network namespace and gives our end.
func openTAP(namespace, name string) (file *os.File, err error) {
	err = inNamespace(namespace, func() (err error) {
		file, err = openTAPHere(name)
		return err
	})
	return file, err
}

func openTAPHere(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening /dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		return nil, fmt.Errorf("naming the device: %w", err)
	}
	request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("making the TAP device: %w", err)
	}
	return os.NewFile(uintptr(fd), "tap "+name), nil
}

// wanDevice is the name of the WAN's interface in every namespace.
const wanDevice = "wan0"

// joinWAN gives a namespace its device, address and routes.
func joinWAN(namespace string, address netip.Addr) (*os.File, error) {
	file, err := openTAP(namespace, wanDevice)
	if err != nil {
		return nil, err
	}
	commands := [][]string{
		{"link", "set", "lo", "up"},
		{"link", "set", wanDevice, "address", hardwareAddress(address).String(), "up"},
		{"addr", "replace", address.String() + "/32", "dev", wanDevice},
	}
	for _, network := range networks {
		commands = append(commands, []string{"route", "replace", network, "dev", wanDevice, "src", address.String()})
	}
	for _, args := range commands {
		if err := ip(append([]string{"-n", namespace}, args...)...); err != nil {
			_ = file.Close()
			return nil, err
		}
	}
	return file, nil
}

// ip runs iproute2.
func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
