package mediaconvert

import "github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/transcode"

// failures words the errors that faults can ask for (user guide,
// "MediaConvert error codes").
var failures = map[int]string{
	1010: "Unable to open input file: [No parser found for container]",
	1020: "Unable to decode the input: unsupported codec",
	1021: "Unable to decode the input: unsupported codec profile",
	1030: "Unable to decode the input: the file is damaged or incomplete",
	1040: "Invalid settings: the job's settings do not fit its input",
	1041: "The job cannot run with accelerated transcoding: its settings are not supported",
	1042: "The job cannot run with accelerated transcoding: its input is not supported",
	1050: "The job needs more resources than a single job can have",
	1056: "Unable to find input files",
	1060: "Invalid caption settings",
	1075: "Unable to demultiplex the input",
	1076: "The input file changed while the job was reading it",
	1080: "Invalid encryption settings",
	1091: "Invalid role: MediaConvert cannot assume the role",
	1092: "Unable to read the input: it is not playable",
	1401: "Unable to access the input or output: access denied",
	1404: "Unable to open input file: [Failed to read data: HTTP 404: not found]",
	1432: "Unable to read the input: the bucket denies access",
	1433: "Unable to read the input: the object is archived",
	1434: "Unable to read the input: its encryption key denies access",
	1507: "The job took more memory than it can have",
	1515: "Unable to write the output: its encryption key denies access",
	1550: "Accelerated transcoding failed",
	1999: "Unexpected error",
	3400: "Unable to read the input: bad request",
	3401: "Unable to write the output: unauthorized",
	3403: "Unable to write the output: forbidden",
	3404: "Unable to write the output: NoSuchBucket",
	3408: "Unable to write the output: request timeout",
	3450: "Unable to reach the storage: network error",
	3451: "Unable to reach the storage: connection reset",
	3457: "Unable to write the output: the bucket is in another region",
	3999: "Unexpected storage error",
}

// failure is the error of a code; 0 stands for an unexpected one.
func failure(code int) *transcode.Failure {
	if code == 0 {
		code = 1999
	}
	text, ok := failures[code]
	if !ok {
		text = "The job failed"
	}
	return &transcode.Failure{Code: code, Message: text}
}
