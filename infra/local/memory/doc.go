// Package memory measures what the compiled handlers take of memory with windows far larger than they fit in. It holds
// tests only, and stands apart because they need an S3 server, the compiled handlers and minutes of work at once.
package memory
