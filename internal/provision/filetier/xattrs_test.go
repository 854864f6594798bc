// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"strings"
	"testing"
)

// Extended attributes are carried where that is asked for, and a unison that would not
// start with them is refused before anything is touched.
func TestXattrs(t *testing.T) {
	tier := three()
	if profile := tier.profile("b", "a"); strings.Contains(profile, "xattrs") || tier.askUnison("b") != "" {
		t.Errorf("nobody asked, and the profile is %s", profile)
	}
	tier.Xattrs = true
	if profile := tier.profile("b", "a"); !strings.Contains(profile, "\nxattrs = true\nxattrignorenot = Path !system.posix_acl_access\n") || !strings.Contains(tier.facts("b").Script, "apt-cache policy unison") {
		t.Errorf("the profile is %s", profile)
	}
	for version, refused := range map[string]bool{
		"2.52.1-1+b1": true, "2.53.2-1": true, "2.53.3-1": false, "2.53.8+1-1": false, "2.54.0": false, "3.0.0-1": false, "2.51.10-1": true, "": false, "2.52+1": true, "2.53+1": false, "what": false,
	} {
		facts := Facts{Group: "www-data", Unison: version}
		if err := tier.refuse("b", facts); (err != nil) != refused || refused && !strings.Contains(err.Error(), "node b: xattrs: its unison is "+version) {
			t.Errorf("%q: %v", version, err)
		}
		if err := three().refuse("b", facts); err != nil {
			t.Errorf("%q, and nobody asked: %v", version, err)
		}
	}
}
