// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// mtuCheck holds the interface to the MTU that tinc-up gives it. One that is not
// there, or that tinc-up has not come to yet, has none.
func (n Node) mtuCheck() converge.Check[int] {
	return converge.Check[int]{
		Question: converge.Question[int]{
			Name: "the MTU of the mesh's interface",
			Script: fmt.Sprintf(`code=0
said=$(ip -o link show dev %s 2>/dev/null) || code=$?
case $code in 0|1|127) ;; *) echo "ip ended with $code" >&2; exit 1 ;; esac
case $said in
  *[\<,]UP[,\>]*' mtu '*) printf '%%s\n' "$said" | sed 's/.* mtu \([0-9]*\) .*/\1/' ;;
  *) echo none ;;
esac
echo '%s'`, remote.Quote(n.Mesh), converge.WholeMark),
			Read: readMTU,
		},
		Differs: func(mtu int) []converge.Line {
			if mtu == 0 || mtu == n.MTU {
				return nil
			}
			return []converge.Line{{Subject: "interface " + n.Mesh, Code: converge.CodeValue, Text: fmt.Sprintf("its MTU is %d, want %d", mtu, n.MTU)}}
		},
		Mend: func(int) []converge.Step {
			const title = "set the MTU of the mesh's interface"
			return []converge.Step{{
				Title: title, Effect: converge.Effect{Kind: converge.EffectRun, Name: title},
				Script: fmt.Sprintf("ip link set dev %[1]s mtu %[2]d || ! ip link show dev %[1]s >/dev/null 2>&1", remote.Quote(n.Mesh), n.MTU),
			}}
		},
	}
}

// readMTU gives 0 where there is no interface that is up.
func readMTU(output string) (int, error) {
	rows, err := converge.Whole(output)
	text := strings.TrimSpace(rows)
	if err != nil || text == "none" {
		return 0, err
	}
	mtu, err := strconv.Atoi(text)
	if err != nil || mtu <= 0 {
		return 0, fmt.Errorf("%q is no MTU", text)
	}
	return mtu, nil
}
