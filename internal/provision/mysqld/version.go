// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import "github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"

// Version of a MySQL server.
type Version = mysqlroot.Version

// ParseVersion finds the version in what mysqld or dpkg print.
func ParseVersion(text string) Version { return mysqlroot.ParseVersion(text) }

// IsVersion refuses what cannot be declared as one.
func IsVersion(text string) error { return mysqlroot.IsVersion(text) }
