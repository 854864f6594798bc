#!/bin/sh
# df -kP: one disk, whose free room is never twice the same.
echo 'Filesystem 1024-blocks Used Available Capacity Mounted on'
echo "/dev/sda1 20971520 0 $(date +%N | sed 's/^0*//') 0% /"
