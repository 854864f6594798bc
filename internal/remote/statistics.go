// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import "sync/atomic"

// Statistics count what one host cost.
type Statistics struct {
	// Connections is how many SSH connections were opened, Channels how many
	// session and forwarding channels on them, Requests how many scripts ran.
	Connections, Channels, Requests int64
	// BytesIn and BytesOut are counted on the wire, encrypted.
	BytesIn, BytesOut int64
}

type counters struct {
	connections, channels, requests, in, out atomic.Int64
}

func (c *counters) read() Statistics {
	return Statistics{
		Connections: c.connections.Load(), Channels: c.channels.Load(), Requests: c.requests.Load(),
		BytesIn: c.in.Load(), BytesOut: c.out.Load(),
	}
}
