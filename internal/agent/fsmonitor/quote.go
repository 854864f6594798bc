// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package fsmonitor

import (
	"fmt"
	"strings"
)

// words is a line of the protocol: its command, and arguments that are still quoted.
func words(line string) (command string, arguments []string) {
	parts := strings.Split(line, " ")
	return parts[0], parts[1:]
}

// plain are the bytes that unison itself leaves as they are (fswatch.ml,
// disallowed_char); everything else is escaped, so that no name can break a line.
const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~!*'();:@&=+$,/?#[]"

func quote(text string) string {
	if strings.Trim(text, plain) == "" {
		return text
	}
	var quoted strings.Builder
	for i := range len(text) {
		if strings.IndexByte(plain, text[i]) >= 0 {
			quoted.WriteByte(text[i])
		} else {
			fmt.Fprintf(&quoted, "%%%02X", text[i])
		}
	}
	return quoted.String()
}

func unquote(quoted string) (string, error) {
	if !strings.Contains(quoted, "%") {
		return quoted, nil
	}
	text := make([]byte, 0, len(quoted))
	for i := 0; i < len(quoted); i++ {
		if quoted[i] != '%' {
			text = append(text, quoted[i])
			continue
		}
		if i+2 >= len(quoted) {
			return "", fmt.Errorf("%q ends within an escaped byte", quoted)
		}
		high, low := digit(quoted[i+1]), digit(quoted[i+2])
		if high < 0 || low < 0 {
			return "", fmt.Errorf("%q holds a %% that escapes no byte", quoted)
		}
		text = append(text, byte(high<<4|low))
		i += 2
	}
	return string(text), nil
}

func digit(hex byte) int {
	switch {
	case hex >= '0' && hex <= '9':
		return int(hex - '0')
	case hex >= 'a' && hex <= 'f':
		return int(hex-'a') + 10
	case hex >= 'A' && hex <= 'F':
		return int(hex-'A') + 10
	}
	return -1
}

// unquoteAll reads exactly so many arguments.
func unquoteAll(command string, arguments []string, count int) ([]string, error) {
	if len(arguments) != count {
		return nil, fmt.Errorf("%s has %d arguments, want %d", command, len(arguments), count)
	}
	texts := make([]string, count)
	for i, argument := range arguments {
		text, err := unquote(argument)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", command, err)
		}
		texts[i] = text
	}
	return texts, nil
}
