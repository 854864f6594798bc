#!/bin/sh
# dpkg --audit has nothing to say.
