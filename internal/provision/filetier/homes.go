// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import "fmt"

// askHomes asks which of a node's trees are the home of a person's account, or root's, by
// whose keys somebody logs in.
func (t Tier) askHomes(node string) string {
	return fmt.Sprintf(`accounts=$(getent passwd) || exit
while IFS=: read -r name _ uid _ _ theirs _; do
  [ "$uid" = 0 ] || [ "$uid" -ge 1000 ] || continue
  for tree in %s; do
    [ "${theirs%%/}" != "$tree" ] || ! there "$tree/.ssh" || printf 'home %%s %%s\n' "$tree" "$name"
  done
done <<END
$accounts
END
`, t.quotedTrees(node))
}

// refuseHome refuses a tree that is the home of a login: every node would have its keys,
// and who may log in as it. A tree that is the tier's already was its before the keys.
func (t Tier) refuseHome(node string, facts Facts) error {
	for _, tree := range t.trees(node) {
		name, is := facts.Homes[tree.path]
		if is && tree.claimed(facts)[t.Name] != tree.path {
			return fmt.Errorf("node %s: %s = %q is the home of the account %s on the machine, with its .ssh, which every node would have. Give the tier a directory of its own, such as %s/files", node, tree.attribute, tree.path, name, tree.path)
		}
	}
	return nil
}
