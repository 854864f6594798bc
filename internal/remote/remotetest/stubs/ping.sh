#!/bin/sh
# ping ... ADDRESS: who stands in the list answers.
for address; do :; done
grep -qsx -- "$address" "$SIMULATED/reached"
