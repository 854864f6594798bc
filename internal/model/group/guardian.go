// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package group

import "time"

const (
	// GuardianDirectory is where a guardian keeps its own, in memory: what stands there
	// does not outlive the machine's boot.
	GuardianDirectory = "/run/atoll-guardian"
	// GuardianStatus is the file there that says how it stands.
	GuardianStatus = "status.json"
	// GuardianSilence is the age of a status whose guardian stands still or does not run.
	// Beside a server that answers nothing it is written once in 40 s.
	GuardianSilence = 2 * time.Minute
)
