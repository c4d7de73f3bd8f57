// Package examples describes APIs of several fields, as documentation of what a description can say and how little it takes. Each is in
// a file of its own, to be copied, and passes vendortest.Check. They are written from public documentation and have not met the services
// themselves: see [vendortest.WithAnswers] for what proves that.
//
// They stand apart from the ready vendors, which are kept up to date.
//
// [vendortest.WithAnswers]: https://pkg.go.dev/github.com/windrow-data/windrow/functions/vendorapi/vendortest#WithAnswers
package examples
