// This program is a Lambda function that does what its payload tells it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type Refused struct{ Reason string }

func (r *Refused) Error() string { return r.Reason }

type event struct {
	Do        string `json:"do"`
	Megabytes int    `json:"megabytes"`
	// Milliseconds is how long it spins or waits, Threads how many spin.
	Milliseconds int `json:"milliseconds"`
	Threads      int `json:"threads"`
}

func handle(ctx context.Context, e event) (any, error) {
	switch e.Do {
	case "describe":
		deadline, _ := ctx.Deadline()
		invocation, _ := lambdacontext.FromContext(ctx)
		return map[string]any{
			"remainingMs": time.Until(deadline).Milliseconds(),
			"arn":         invocation.InvokedFunctionArn,
			"requestId":   invocation.AwsRequestID,
			"environment": os.Environ(),
			"process":     os.Getpid(),
		}, nil
	case "fail":
		return nil, &Refused{"not today"}
	case "panic":
		panic("out of luck")
	case "exit":
		os.Exit(3)
	case "hang":
		time.Sleep(time.Hour)
	case "spin":
		end := time.Now().Add(time.Duration(e.Milliseconds) * time.Millisecond)
		var spinning sync.WaitGroup
		for range max(e.Threads, 1) {
			spinning.Go(func() {
				for time.Now().Before(end) {
				}
			})
		}
		spinning.Wait()
	case "wait":
		time.Sleep(time.Duration(e.Milliseconds) * time.Millisecond)
	case "say":
		fmt.Println("0123456789")
	case "allocate":
		memory := make([]byte, e.Megabytes<<20)
		for i := 0; i < len(memory); i += 4096 {
			memory[i] = 1
		}
		return len(memory), nil
	}
	return json.RawMessage(`{"done":true}`), nil
}

func main() {
	if os.Getenv("INIT") == "fail" {
		panic("no settings")
	}
	lambda.Start(handle)
}
