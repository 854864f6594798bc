// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Command terraform-provider-atoll serves the Atoll provider to Terraform.
package main

import (
	"context"
	"flag"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/atollhq/terraform-provider-atoll/internal/provider"
)

// version is set by the release build.
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "run so that a debugger can attach")
	flag.Parse()
	err := providerserver.Serve(context.Background(), provider.New(version), providerserver.ServeOpts{
		Address: "registry.terraform.io/atollhq/atoll",
		Debug:   *debug,
	})
	if err != nil {
		log.Fatal(err)
	}
}
