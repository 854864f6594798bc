// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"errors"
	"net/netip"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlrouter"
)

var (
	hostForm  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.:_-]{0,254}$`)
	labelForm = regexp.MustCompile(`^\S{1,255}::\S{0,255}$`)
)

// labelled says whether a router of the cluster is given by its label. An IPv6 address
// has two colons, too.
func labelled(value string) bool {
	_, err := netip.ParseAddr(value)
	return err != nil && !strings.Contains(value, "/") && labelForm.MatchString(value)
}

// checkRouter holds one of the cluster's routers against the forms of an id and of a
// label.
func checkRouter(value string) error {
	host, name, named := strings.Cut(value, "/")
	switch err := converge.OneLine("it", value); {
	case err == nil && labelled(value):
		return nil
	case !hostForm.MatchString(host), named && !mysqlrouter.InstanceForm.MatchString(name):
		return errors.New(`is no router. Write one such as "203.0.113.21", "203.0.113.21/shop" for one with a name, or "app7.example.org::system" for one that Atoll did not make`)
	}
	return nil
}

// declaredRouters are those of the cluster as the plugin takes them; nil where none
// are declared, or not all are known yet.
func declaredRouters(value types.Set) []innodbcluster.DeclaredRouter {
	given := names(value)
	if given == nil || len(given) < len(value.Elements()) {
		return nil
	}
	routers := []innodbcluster.DeclaredRouter{}
	for _, text := range given {
		if labelled(text) {
			at := strings.LastIndex(text, "::")
			routers = append(routers, innodbcluster.DeclaredRouter{Address: text[:at], Name: text[at+2:]})
			continue
		}
		host, name, _ := strings.Cut(text, "/")
		config := mysqlrouter.Config{Address: host, Instance: name}
		routers = append(routers, innodbcluster.DeclaredRouter{Address: host, Name: config.Name(), Account: config.Account()})
	}
	return routers
}

// labels are those of the routers that a cluster declares; nil where it declares none,
// or not all are known yet.
func labels(value types.Set) []string {
	routers := declaredRouters(value)
	if routers == nil {
		return nil
	}
	list := []string{}
	for _, router := range routers {
		list = append(list, router.Label())
	}
	return list
}
