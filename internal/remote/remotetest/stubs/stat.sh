#!/bin/bash
# stat, for which root owns all files of the machine.
arguments=()
for argument; do
  argument=${argument//%U/root}
  arguments+=("${argument//%G/root}")
done
exec /usr/bin/stat "${arguments[@]}"
