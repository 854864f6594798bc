#!/bin/sh
# apt-cache show ... NAME
for name; do :; done
grep -qw -- "$name" "$SIMULATED/installable"
