// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package files

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/filetier"
)

// What Linux takes at most of a path, in bytes.
const (
	longestName = 255
	longestPath = 4095
)

// treePath asks for the path of a tree.
func treePath() base.Text {
	return base.Text{Must: "be an absolute path", Check: func(value string) error {
		switch {
		case !strings.HasPrefix(value, "/"):
			return errors.New("must be an absolute path: write it from / on")
		case strings.HasSuffix(value, "/"):
			return errors.New("must be the path of a directory below /, without a slash at its end")
		case strings.Contains(value+"/", "//") || strings.Contains(value+"/", "/./") || strings.Contains(value+"/", "/../"):
			return errors.New("must be a path in its shortest form, without //, /./ and /../")
		case !filetier.PathForm.MatchString(value):
			return errors.New("must have letters, digits, dots, hyphens, underscores, + and @ only, which units and unison's profile take as they are")
		case len(value) > longestPath:
			return fmt.Errorf("must have at most %d bytes, more than which no path has", longestPath)
		case slices.ContainsFunc(strings.Split(value, "/"), func(name string) bool { return len(name) > longestName }):
			return fmt.Errorf("must have names of at most %d bytes between its slashes, more than which no file system takes", longestName)
		}
		return ownDirectory(value)
	}}
}

// Directories that are the machine's own, with all below them, and such as hold those of
// others, of which only one below them can be a tier's.
var (
	machines = []string{
		"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/run", "/sbin", "/sys", "/usr/bin", "/usr/lib", "/usr/sbin",
		"/var/lib/apt", "/var/lib/atoll", "/var/lib/dpkg", "/var/lib/mysql", "/var/lib/systemd", "/var/log",
	}
	emptied = []string{"/tmp", "/var/tmp"}
	shared  = []string{"/home", "/media", "/mnt", "/opt", "/usr/local"}
	secrets = []string{".ssh", ".gnupg"}
)

// ownDirectory refuses a path whose files belong to the machine, to a login, or to
// somebody who deletes them: a tier would carry that to every node.
func ownDirectory(value string) error {
	names := strings.Split(value[1:], "/")
	for _, system := range machines {
		if filetier.Overlap(value, system) {
			return errors.New("holds or is a part of " + system + ", which belongs to the machine itself: give the tier a directory of its own, such as /srv/files")
		}
	}
	for _, temporary := range emptied {
		if filetier.Overlap(value, temporary) {
			return errors.New("holds or is a part of " + temporary + ", where the machine deletes what is old, which would be deleted on every node: give the tier a directory of its own, such as /srv/files")
		}
	}
	for _, secret := range secrets {
		if slices.Contains(names, secret) {
			return errors.New("holds the keys of a login as " + secret + ", which every node would have: give the tier a directory of its own, such as /srv/files")
		}
	}
	switch {
	case slices.Contains(shared, value):
		return errors.New("is where several have directories of their own: give the tier one below it, such as " + value + "/files, or /srv/files")
	case names[0] == "root" || names[0] == "home" && len(names) == 2:
		return errors.New("is the home of a login, with the keys that open it, which every node would have: give the tier a directory of its own, such as /srv/files")
	case names[0] == "usr" && !strings.HasPrefix(value, "/usr/local/"):
		return errors.New("is a part of /usr, which belongs to the machine itself: give the tier a directory of its own, such as /srv/files")
	}
	return nil
}
