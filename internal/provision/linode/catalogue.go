// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"

	"github.com/linode/linodego"
)

// Catalogue is what Linode offers to this account, as far as a declaration names
// it.
type Catalogue struct {
	// Regions, Types and Images by id.
	Regions map[string]linodego.Region
	Types   map[string]linodego.LinodeType
	Images  map[string]linodego.Image
	// Unavailable are types by region that cannot be had there just now.
	Unavailable map[string][]string
	// Settings of the account; nil where the token may not read them.
	Settings *linodego.AccountSettings
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
	scarce, err := read(ctx, "listing what is available", func(ctx context.Context) ([]linodego.RegionAvailability, error) {
		return c.api.ListRegionsAvailability(ctx, &linodego.ListOptions{PageSize: pageSize})
	})
	if err != nil {
		return nil, err
	}
	settings, err := read(ctx, "reading the account's settings", c.api.GetAccountSettings)
	if err != nil && !errors.Is(err, ErrToken) { // a token may be for Linodes alone
		return nil, err
	}
	offer := &Catalogue{
		Regions: map[string]linodego.Region{}, Types: map[string]linodego.LinodeType{}, Images: map[string]linodego.Image{}, Unavailable: map[string][]string{}, Settings: settings,
	}
	for _, region := range regions {
		offer.Regions[region.ID] = region
	}
	for _, kind := range types {
		offer.Types[kind.ID] = kind
	}
	for _, image := range images {
		offer.Images[image.ID] = image
	}
	for _, one := range scarce {
		if !one.Available {
			offer.Unavailable[one.Region] = append(offer.Unavailable[one.Region], one.Plan)
		}
	}
	return offer, nil
}
