#!/bin/sh
echo kvm
