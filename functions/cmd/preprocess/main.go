// Command preprocess is the Lambda function that makes one stream's curated objects.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/windrow-data/windrow/functions/preprocess/handler"
	"github.com/windrow-data/windrow/functions/startup"
)

func main() {
	lambda.Start(handler.New(startup.Process{
		Began: time.Now(), Getenv: os.Getenv, ReadFile: os.ReadFile, Logs: os.Stdout, TempDir: os.TempDir(), Now: time.Now,
	}))
}
