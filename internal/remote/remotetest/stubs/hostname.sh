#!/bin/sh
# hostname NAME
printf '%s\n' "$1" >"$SIMULATED/hostname"
