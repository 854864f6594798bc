// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package group

// LeastConnections is what a server needs before the first application comes. All of these
// come by its own port or socket and count as everybody does (seen on 9.7): of each other
// member of a group, eight at most, what it sends (8, and as many again while it comes
// back) and its guardian, who asks this server (8); one that takes what it missed (1); the
// guardian beside the server (2); Atoll, which asks, changes, and looks meanwhile whether
// the server is well (3); and a router, twice while it asks for the members (2). A server
// with fewer shuts some of them out, and Atoll, which would give it more, with them.
const LeastConnections = 32
