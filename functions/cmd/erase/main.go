// Command erase is the Lambda function that erases or exports what a lake holds of one person.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/windrow-data/windrow/functions/erasure/handler"
	"github.com/windrow-data/windrow/functions/startup"
)

func main() {
	lambda.Start(handler.New(startup.Process{
		Began: time.Now(), Getenv: os.Getenv, ReadFile: os.ReadFile, Logs: os.Stdout, TempDir: os.TempDir(), Now: time.Now,
	}))
}
