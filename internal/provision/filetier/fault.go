// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

// Fault is what cannot work of a declaration, with where that stands.
type Fault struct {
	// Attribute is the one that has to be another; "" for the node as a whole. Node has
	// it, its own or that of the tier; "" where it is the tier's in any case.
	Attribute, Node string
	Err             error
}

func (f *Fault) Error() string { return f.Err.Error() }

// Unwrap gives what is wrong.
func (f *Fault) Unwrap() error { return f.Err }

// about says which attribute of the tier errors are about.
func about(attribute string, errs ...error) []error {
	var faults []error
	for _, err := range errs {
		if err != nil {
			faults = append(faults, &Fault{Attribute: attribute, Err: err})
		}
	}
	return faults
}

// Faults are what an error of Validate holds.
func Faults(err error) []*Fault {
	var faults []*Fault
	if all, is := err.(interface{ Unwrap() []error }); is {
		for _, one := range all.Unwrap() {
			faults = append(faults, Faults(one)...)
		}
		return faults
	}
	if fault, is := err.(*Fault); is { //nolint:errorlint // as above
		return []*Fault{fault}
	}
	if err != nil {
		faults = append(faults, &Fault{Attribute: "nodes", Err: err})
	}
	return faults
}
