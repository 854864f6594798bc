// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// A manifest is a file with one line for each entry, in the order of a walk,
// between a first line that names the format and a last one that proves it
// whole. It is read and written as a stream: a day may hold a million files.
const (
	manifestFormat = "atoll-manifest 1"
	manifestEnd    = "end"
)

// Sum is what a manifest says about all of its entries.
type Sum struct {
	Entries int
	Bytes   int64
	// Digest is a hash of what every replica of a tree must have the same:
	// names, kinds and contents. Owners, times and links between files differ
	// where unison is not asked to carry them.
	Digest string
}

// ManifestWriter writes a manifest.
type ManifestWriter struct {
	to     *bufio.Writer
	sum    Sum
	digest hash.Hash
}

// leftover is what a unison that was killed had got of a file so far. It is
// nobody's file, and no other replica has it.
var leftover = regexp.MustCompile(`(?s)(\A|/)\.unison\.[^/]*\.unison\.tmp(/|\z)`)

// NewManifestWriter begins a manifest.
func NewManifestWriter(to io.Writer) *ManifestWriter {
	w := &ManifestWriter{to: bufio.NewWriterSize(to, 64<<10), digest: sha256.New()}
	_, _ = fmt.Fprintln(w.to, manifestFormat)
	return w
}

// Add writes the next entry.
func (w *ManifestWriter) Add(e Entry) error {
	w.sum.Entries++
	w.sum.Bytes += e.Size
	if !leftover.MatchString(e.Path) {
		_, _ = fmt.Fprintf(w.digest, "%c %s %s\n", e.Kind, url.PathEscape(e.Path), url.PathEscape(e.Content))
	}
	_, err := fmt.Fprintf(w.to, "%c %o %d %d %d %d %d %d =%s =%s =%s\n", e.Kind, e.Mode, e.UID, e.GID, e.Size, e.Modified, e.Inode, e.Changed,
		e.Attributes, url.PathEscape(e.Content), url.PathEscape(e.Path))
	return err
}

// Finish writes what proves the manifest whole.
func (w *ManifestWriter) Finish() (Sum, error) {
	w.sum.Digest = text(w.digest.Sum(nil))
	_, _ = fmt.Fprintf(w.to, "%s %d %d %s\n", manifestEnd, w.sum.Entries, w.sum.Bytes, w.sum.Digest)
	return w.sum, w.to.Flush()
}

// ManifestReader reads a manifest.
type ManifestReader struct {
	lines *bufio.Reader
	next  *Entry
	sum   Sum
	ended bool
	read  int
}

// ErrBrokenManifest means that a manifest is not whole, or not one at all.
var ErrBrokenManifest = errors.New("the manifest is not whole")

// NewManifestReader begins to read.
func NewManifestReader(from io.Reader) (*ManifestReader, error) {
	r := &ManifestReader{lines: bufio.NewReaderSize(from, 64<<10)}
	line, err := r.line()
	if err != nil {
		return nil, err
	}
	if line != manifestFormat {
		return nil, fmt.Errorf("it begins with %.40q, want %q: %w", line, manifestFormat, ErrBrokenManifest)
	}
	return r, r.advance()
}

func (r *ManifestReader) line() (string, error) {
	line, err := r.lines.ReadString('\n')
	if errors.Is(err, io.EOF) {
		return "", fmt.Errorf("it ends too early: %w", ErrBrokenManifest)
	}
	return strings.TrimSuffix(line, "\n"), err
}

// Peek gives the next entry, or nil at the end.
func (r *ManifestReader) Peek() *Entry {
	if r == nil {
		return nil
	}
	return r.next
}

// Sum is known once the end was reached.
func (r *ManifestReader) Sum() Sum { return r.sum }

func (r *ManifestReader) advance() error {
	r.next = nil
	line, err := r.line()
	if err != nil {
		return err
	}
	fields := strings.Split(line, " ")
	if fields[0] == manifestEnd {
		return r.end(line)
	}
	entry, err := parseEntry(fields)
	if err != nil {
		return fmt.Errorf("%w: %w", err, ErrBrokenManifest)
	}
	r.next = &entry
	r.read++
	return nil
}

func (r *ManifestReader) end(line string) error {
	r.ended = true
	if _, err := fmt.Sscanf(line, manifestEnd+" %d %d %s", &r.sum.Entries, &r.sum.Bytes, &r.sum.Digest); err != nil || r.sum.Entries != r.read {
		return fmt.Errorf("it ends with %.80q after %d entries: %w", line, r.read, ErrBrokenManifest)
	}
	return nil
}

func parseEntry(fields []string) (Entry, error) {
	if len(fields) != 11 || len(fields[0]) != 1 {
		return Entry{}, fmt.Errorf("a line has %d fields", len(fields))
	}
	var numbers [7]int64
	for i := range numbers {
		base := 10
		if i == 0 {
			base = 8
		}
		value, err := strconv.ParseInt(fields[1+i], base, 64)
		if err != nil {
			return Entry{}, err
		}
		numbers[i] = value
	}
	var texts [3]string
	for i := range texts {
		quoted, marked := strings.CutPrefix(fields[8+i], "=")
		value, err := url.PathUnescape(quoted)
		if err != nil || !marked {
			return Entry{}, fmt.Errorf("a field is %.40q", fields[8+i])
		}
		texts[i] = value
	}
	return Entry{
		Kind: Kind(fields[0][0]), Mode: uint32(numbers[0]), UID: uint32(numbers[1]), GID: uint32(numbers[2]), Size: numbers[3],
		Modified: numbers[4], Inode: uint64(numbers[5]), Changed: numbers[6], Attributes: texts[0], Content: texts[1], Path: texts[2],
	}, nil
}

// comparePaths orders paths as a walk comes to them: a directory before what
// is in it, and all of that before the next name.
func comparePaths(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] == b[i] {
			continue
		}
		switch {
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		case a[i] < b[i]:
			return -1
		}
		return 1
	}
	return len(a) - len(b)
}

// ReadSum reads a manifest to its end and gives what it says about all of it.
func ReadSum(from io.Reader) (Sum, error) {
	reader, err := NewManifestReader(from)
	if err != nil {
		return Sum{}, err
	}
	for reader.Peek() != nil {
		if err := reader.advance(); err != nil {
			return Sum{}, err
		}
	}
	return reader.Sum(), nil
}
