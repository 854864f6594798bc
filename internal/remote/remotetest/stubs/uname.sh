#!/bin/sh
case $1 in
  -n) cat "$SIMULATED/hostname" 2>/dev/null || echo debian ;;
  -r) echo 6.12.0-amd64 ;;
  -m) echo x86_64 ;;
esac
