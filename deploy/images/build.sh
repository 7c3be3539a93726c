#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the images of barevip, without a container daemon and without root: deploy/images/build.sh --help.
exec python3 "$(dirname "$0")/build.py" "$@"
