#!/bin/sh
# getent hosts NAME: every name resolves.
