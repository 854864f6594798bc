// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"fmt"
	"strconv"
	"strings"
)

const mebibyte = 1 << 20

// What mysqld needs beside its buffer pool and the group's message cache, and
// the least that either makes sense with. The message cache cannot be smaller
// from 8.0.21 on; its default of 1 GiB is what drowns small machines.
const (
	serverMemory = 512 * mebibyte
	leastPool    = 128 * mebibyte
	leastCache   = 128 * mebibyte
	mostCache    = 1024 * mebibyte
	// LeastMemory is the smallest machine that can carry a member.
	LeastMemory = serverMemory + leastPool + leastCache
	// leastDisk is what a new server needs for system tables, undo and a day
	// of binary logs of a small site.
	leastDisk = 1024 * mebibyte
	// redoDefault is that of MySQL 8.0.30 and later.
	redoDefault = 100 * mebibyte
)

const (
	poolName  = "innodb_buffer_pool_size"
	cacheName = "group_replication_message_cache_size"
	redoName  = "innodb_redo_log_capacity"
)

// sized are the settings that follow the machine's memory: an eighth for the
// messages of the group, and 70 % of what then remains for the data. The rest
// is the page cache of the binary logs.
func (c Config) sized() []Setting {
	cache := min(max(c.MemoryBytes/8, leastCache), mostCache)
	free := int64(c.MemoryBytes) - serverMemory - int64(cache)
	pool := max(free*7/10/leastPool*leastPool, leastPool)
	return []Setting{
		{poolName, strconv.FormatInt(pool, 10)},
		{"loose_" + cacheName, strconv.FormatUint(cache/mebibyte*mebibyte, 10)},
	}
}

// sizedFor takes the user's word, which can be given before the machine has been
// resized, or what the machine has.
func (c Config) sizedFor(s Facts) Config {
	c.MemoryBytes = c.GivenMemory
	if c.GivenMemory == 0 {
		c.MemoryBytes = s.MemoryBytes
	}
	return c
}

// need is the memory that the settings take up.
func (c Config) need() (total, pool, cache uint64) {
	for _, setting := range c.Settings() {
		switch size, _ := parseBytes(setting.Value); normalName(setting.Name) {
		case poolName:
			pool = size
		case cacheName:
			cache = size
		}
	}
	return pool + cache + serverMemory, pool, cache
}

// CheckMachine says whether the declared settings fit the machine, with the
// numbers. A server whose data stand on the machine already is not asked for
// the room of a new one.
func (c Config) CheckMachine(s Facts) []error {
	var problems []error
	c = c.sizedFor(s)
	if need, pool, cache := c.need(); s.MemoryBytes > 0 && need > s.MemoryBytes {
		lower := fmt.Sprintf("settings[%q]", poolName)
		if c.GivenMemory > s.MemoryBytes {
			lower = fmt.Sprintf("memory_mib, which is %d,", c.GivenMemory/mebibyte)
		}
		problems = append(problems, fmt.Errorf("%s %s + %s %s + %s for the server itself = %s, and the machine has %s: lower %s or give the machine more memory (at least %s)",
			poolName, mebibytes(pool), cacheName, mebibytes(cache), mebibytes(serverMemory), mebibytes(need), mebibytes(s.MemoryBytes), lower, mebibytes(LeastMemory)))
	}
	redo := uint64(redoDefault)
	for _, setting := range c.Settings() {
		if size, ok := parseBytes(setting.Value); ok && normalName(setting.Name) == redoName {
			redo = size
		}
	}
	if need := leastDisk + redo; !s.HasData && s.DiskFreeBytes > 0 && s.DiskFreeBytes < need {
		problems = append(problems, fmt.Errorf("a new server needs %s (%s + %s %s) on the file system of %s, where %s are free: make room or give the machine a larger disk",
			mebibytes(need), mebibytes(leastDisk), redoName, mebibytes(redo), dataDirectory, mebibytes(s.DiskFreeBytes)))
	}
	return problems
}

func mebibytes(size uint64) string { return fmt.Sprintf("%d MiB", size/mebibyte) }

// parseBytes reads a number with MySQL's suffixes.
func parseBytes(text string) (uint64, bool) {
	text = strings.ToUpper(strings.TrimSpace(text))
	shift := 0
	if text != "" {
		if at := strings.IndexByte("KMGTPE", text[len(text)-1]); at >= 0 {
			shift, text = 10*(at+1), text[:len(text)-1]
		}
	}
	number, err := strconv.ParseUint(text, 10, 64)
	return number << shift, err == nil
}
