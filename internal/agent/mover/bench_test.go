// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkDay moves one day on a disk, with each file read again, and copies the
// same day by cp -a and sync. Both find nothing of it in memory, as it is with a day that
// is old enough; the ratio is what counts. Beside it, what the next run takes, which reads
// all of it from the disk. ATOLL_TEST_DIR names a disk.
func BenchmarkDay(b *testing.B) {
	for _, shape := range []struct{ files, size int }{{64, 8 << 20}, {4_000, 128 << 10}, {10_000, 4 << 10}} {
		b.Run(fmt.Sprintf("%d files of %d KiB", shape.files, shape.size>>10), func(b *testing.B) {
			var moved, copied, back time.Duration
			for b.Loop() {
				one, cp, read := moveOnce(b, shape.files, shape.size)
				moved, copied, back = moved+one, copied+cp, back+read
			}
			mebibytes := float64(b.N) * float64(shape.files) * float64(shape.size) / (1 << 20)
			b.ReportMetric(mebibytes/moved.Seconds(), "MiB/s")
			b.ReportMetric(mebibytes/copied.Seconds(), "cp-MiB/s")
			b.ReportMetric(mebibytes/back.Seconds(), "read-back-MiB/s")
			b.ReportMetric(copied.Seconds()/moved.Seconds(), "of-cp")
		})
	}
}

// moveOnce copies and moves a day of new files. The old copy stays for its grace, so
// that both leave the same.
func moveOnce(b *testing.B, files, size int) (moved, copied, back time.Duration) {
	b.Helper()
	config := benchConfig(b)
	top := filepath.Dir(config.Hot)
	defer func() { do(b, os.RemoveAll(top)) }()
	day := filepath.Join(config.Hot, oneDay)
	writeMany(b, day, files, size)
	forget(b, day)
	begin := time.Now()
	do(b, exec.Command("cp", "-a", day, filepath.Join(top, "copy")).Run())
	do(b, exec.Command("sync", "--file-system", top).Run())
	copied = time.Since(begin)
	forget(b, day)
	begin = time.Now()
	mustMove(b, config)
	moved = time.Since(begin)
	begin = time.Now()
	result, err := New(config).Run(context.Background())
	do(b, err)
	if len(result.Days) != 1 || result.Days[0].Err != nil || !slices.Contains(result.Days[0].Done, ReadBack) {
		b.Fatalf("it was not read back: %+v", result.Days)
	}
	return moved, copied, time.Since(begin)
}

// BenchmarkDayAmongMany moves a day of a thousand files out of a tree that holds no other
// one, and out of one that holds a million in days that are too young: the work is to be the day's,
// not the tree's. ATOLL_BENCH_FILES is another number.
func BenchmarkDayAmongMany(b *testing.B) {
	files, err := strconv.Atoi(cmp.Or(os.Getenv("ATOLL_BENCH_FILES"), "1000000"))
	do(b, err)
	const days = 100
	config := benchConfig(b)
	defer func() { do(b, os.RemoveAll(filepath.Dir(config.Hot))) }()
	move := func(day string) time.Duration {
		writeMany(b, filepath.Join(config.Hot, day), 1000, 4<<10)
		begin := time.Now()
		mustMove(b, config)
		return time.Since(begin)
	}
	alone := move("2020/02/01")
	for day := range days {
		writeMany(b, filepath.Join(config.Hot, time.Date(2099, 1, 1+day, 0, 0, 0, 0, time.UTC).Format("2006/01/02")), files/days, 1)
	}
	var among time.Duration
	for i := 2; b.Loop(); i++ {
		among += move(fmt.Sprintf("2020/02/%02d", i))
	}
	b.ReportMetric(among.Seconds()/float64(b.N)/alone.Seconds(), "of-alone")
	status, err := os.ReadFile("/proc/self/status")
	do(b, err)
	for line := range strings.Lines(string(status)) {
		if peak, found := strings.CutPrefix(line, "VmHWM:"); found {
			kibibytes, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(peak), " kB"))
			do(b, err)
			b.ReportMetric(float64(kibibytes)/1024, "peak-MiB")
		}
	}
}

func benchConfig(b *testing.B) Config {
	b.Helper()
	top, err := os.MkdirTemp(os.Getenv("ATOLL_TEST_DIR"), "atoll-day-")
	do(b, err)
	config := Config{Tier: "files", Hot: filepath.Join(top, "hot"), Cold: filepath.Join(top, "cold"), Layout: "%Y/%m/%d", Grace: 3600}
	do(b, os.Mkdir(config.Hot, 0o755))
	do(b, os.Mkdir(config.Cold, 0o755))
	do(b, Prepare(config))
	return config
}

func writeMany(b *testing.B, day string, files, size int) {
	b.Helper()
	do(b, os.MkdirAll(day, 0o755))
	source, content := rand.NewChaCha8([32]byte{}), make([]byte, size)
	for i := range files {
		_, _ = source.Read(content)
		do(b, os.WriteFile(filepath.Join(day, strconv.Itoa(i)), content, 0o600))
	}
}

// mustMove moves what is old enough, and at least one day is.
func mustMove(b *testing.B, config Config) {
	b.Helper()
	result, err := New(config).Run(context.Background())
	do(b, err)
	flipped := 0
	for _, day := range result.Days {
		do(b, day.Err)
		if slices.Contains(day.Done, Flip) {
			flipped++
		}
	}
	if flipped != 1 {
		b.Fatalf("%d days moved, want 1: %+v", flipped, result.Days)
	}
}

// forget has the kernel drop what it holds of the files in memory.
func forget(b *testing.B, dir string) {
	b.Helper()
	do(b, exec.Command("sync", "--file-system", dir).Run())
	entries, err := os.ReadDir(dir)
	do(b, err)
	for _, entry := range entries {
		file, err := os.Open(filepath.Join(dir, entry.Name()))
		do(b, err)
		do(b, unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED))
		do(b, file.Close())
	}
}
