#!/bin/sh
# Copyright (c) The Atoll Authors
# SPDX-License-Identifier: MPL-2.0

# unison.sh DIR puts the unison of Debian 12 and that of Debian 13 under DIR,
# each as DIR/<version>/unison with the C library that it was built for, so that
# both run beside one another on any Debian, and with libfaketime, which gives one
# of them, by ATOLL_TEST_AHEAD=1 and libfaketime's own variables, another clock. Packages come from the mirror that
# this machine uses itself, checked by apt as ever.
set -eu
mkdir -p "$1"
base=$(cd "$1" && pwd)
# shellcheck disable=SC2016 # the format is apt's
mirror=$(apt-get indextargets --format '$(SITE)' 'Identifier: Packages' 'Origin: Debian' | grep -v security | sort -u | head -n 1)
[ -n "$mirror" ] || { echo 'unison.sh: this machine has no Debian mirror in its apt sources' >&2; exit 1; }

# fetch SUITE VERSION
fetch() {
	dir=$base/$2
	[ ! -x "$dir/unison" ] || ! grep -q ATOLL_TEST_AHEAD "$dir/unison" || return 0
	rm -rf "$dir"
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/root"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $1 main" >"$dir/sources.list"
	cat >"$dir/apt.conf" <<-END
		Dir::Etc::sourcelist "$dir/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::State::lists "$dir/lists";
		Dir::Cache "$dir/cache";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::Check-Valid-Until "false";
	END
	(
		cd "$dir"
		APT_CONFIG=$dir/apt.conf apt-get -q update >&2
		APT_CONFIG=$dir/apt.conf apt-get -q download "unison-$2" libc6 libfaketime >&2
		for package in *.deb; do dpkg-deb -x "$package" root; done
		rm -rf lists cache ./*.deb
	)
	loader=$(find "$dir/root" -name 'ld-linux-*' -type f | head -n 1)
	libraries=$(dirname "$(find "$dir/root" -name libc.so.6 | head -n 1)")
	clock=$(find "$dir/root" -name libfaketime.so.1)
	cat >"$dir/unison.new" <<-END
		#!/bin/sh
		exec "$loader" --library-path "$libraries" \${ATOLL_TEST_AHEAD:+--preload "$clock"} "$dir/root/usr/bin/unison-$2" "\$@"
	END
	chmod 0755 "$dir/unison.new"
	"$dir/unison.new" -version >&2
	mv "$dir/unison.new" "$dir/unison"
}

fetch bookworm 2.52
fetch trixie 2.53
