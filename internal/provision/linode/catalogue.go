// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/linode/linodego"
)

// Catalogue is what Linode offers, as far as a declaration names it.
type Catalogue struct {
	// Metadata by region: whether user data reach a machine there.
	Metadata map[string]bool
	// Types by id.
	Types map[string]linodego.LinodeType
	// CloudInit by image: whether it reads user data.
	CloudInit map[string]bool
}

// Catalogue asks once a process.
func (c *Client) Catalogue(ctx context.Context) (*Catalogue, error) {
	c.mu.Lock()
	known := c.catalogue
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	value, err, _ := c.once.Do("catalogue", func() (any, error) { return c.readCatalogue(ctx) })
	if err != nil {
		return nil, err
	}
	known, _ = value.(*Catalogue)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.catalogue = known
	return known, nil
}

func (c *Client) readCatalogue(ctx context.Context) (*Catalogue, error) {
	all := &linodego.ListOptions{PageSize: pageSize}
	regions, err := read(ctx, "listing regions", func(ctx context.Context) ([]linodego.Region, error) { return c.api.ListRegions(ctx, all) })
	if err != nil {
		return nil, err
	}
	types, err := read(ctx, "listing types", func(ctx context.Context) ([]linodego.LinodeType, error) {
		return c.api.ListTypes(ctx, &linodego.ListOptions{PageSize: pageSize})
	})
	if err != nil {
		return nil, err
	}
	images, err := read(ctx, "listing images", func(ctx context.Context) ([]linodego.Image, error) {
		return c.api.ListImages(ctx, &linodego.ListOptions{PageSize: pageSize})
	})
	if err != nil {
		return nil, err
	}
	offer := &Catalogue{Metadata: map[string]bool{}, Types: map[string]linodego.LinodeType{}, CloudInit: map[string]bool{}}
	for _, region := range regions {
		offer.Metadata[region.ID] = slices.Contains(region.Capabilities, "Metadata")
	}
	for _, kind := range types {
		offer.Types[kind.ID] = kind
	}
	for _, image := range images {
		offer.CloudInit[image.ID] = slices.Contains(image.Capabilities, "cloud-init")
	}
	return offer, nil
}

// Problem is something wrong with one attribute of a declaration.
type Problem struct {
	Attribute, Title, Detail string
}

// Check compares a declaration with the catalogue. Empty values are not known
// yet and pass.
func (o *Catalogue) Check(spec Spec) []Problem {
	var wrong []Problem
	if _, known := o.Metadata[spec.Region]; spec.Region != "" && !known {
		wrong = append(wrong, Problem{"region", "Unknown Region", fmt.Sprintf("region = %q is not one of Linode's: %s.", spec.Region, listed(o.Metadata))})
	}
	if _, known := o.Types[spec.Type]; spec.Type != "" && !known {
		wrong = append(wrong, Problem{"type", "Unknown Type", fmt.Sprintf("type = %q is not one of Linode's: %s.", spec.Type, listed(o.Types))})
	}
	if _, known := o.CloudInit[spec.Image]; spec.Image != "" && !known {
		wrong = append(wrong, Problem{"image", "Unknown Image", fmt.Sprintf("image = %q is not among the images of this account: %s.", spec.Image, listed(o.CloudInit))})
	}
	if len(wrong) > 0 || spec.Region == "" || spec.Image == "" || spec.Trust != TrustInjected {
		return wrong
	}
	const ways = "Choose another one; or give the machine's own key as host_key; or set trust_on_first_use = true, " +
		"which believes the key that the machine shows at the first contact and keeps it in the state."
	if !o.CloudInit[spec.Image] {
		wrong = append(wrong, Problem{"image", "Host Key Cannot Be Known in Advance", fmt.Sprintf("The image %q has no cloud-init, so it cannot be given an SSH host key. %s", spec.Image, ways)})
	}
	if !o.Metadata[spec.Region] {
		wrong = append(wrong, Problem{"region", "Host Key Cannot Be Known in Advance", fmt.Sprintf("The region %q has no Metadata service, so a machine there cannot be given an SSH host key. %s", spec.Region, ways)})
	}
	return wrong
}

// listed names what there is.
func listed[V any](offered map[string]V) string {
	names := slices.Sorted(maps.Keys(offered))
	if len(names) > 40 {
		names = append(names[:40], "…")
	}
	return strings.Join(names, ", ")
}
