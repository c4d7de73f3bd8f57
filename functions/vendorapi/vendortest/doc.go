// Package vendortest is a vendor to test against: what it holds, and a server that answers as the vendor would,
// faults included. With it, [Check] tells a team whether its own description of a vendor works, and [Review] whether it fits
// what the vendor really answers.
//
// The vendor stands apart from the client and shares nothing with it but the description's types: it reads bounds, counts
// pages and writes times by code of its own, since a simulation that agreed with the client's mistakes would
// prove nothing. [Generate] makes a [World] from a seed, [NewServer] serves it over HTTP, [World.Records] says
// what a faithful copy must hold, and [World.Versions] what a reading at any time can have seen. ON24's answers are
// written by hand from its documentation (https://apidoc.on24.com), and so are those of Zoom (https://developers.zoom.us/docs/api/)
// and GoTo Webinar (https://developer.goto.com/GoToWebinarV2); any other vendor is served as its description says. [Tokens]
// stands before any of them as an authorization server, whose tokens end, are revoked and replaced.
package vendortest
