// Command ingest is the Lambda function that takes one stream forward.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/windrow-data/windrow/functions/ingest/handler"
	"github.com/windrow-data/windrow/functions/startup"
)

func main() {
	lambda.Start(handler.New(startup.Process{
		Began: time.Now(), Getenv: os.Getenv, ReadFile: os.ReadFile, Logs: os.Stdout, TempDir: os.TempDir(), Now: time.Now,
	}, handler.Hooks{}))
}
