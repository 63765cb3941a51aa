// Package settings holds the part of MediaConvert's job settings that the
// local cloud judges and carries out, as Go types. Members that only other
// features use are left to the model's judgement; package rules says which of
// them the local cloud cannot carry out.
package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Job is a job's settings (the API's JobSettings).
type Job struct {
	Inputs       []Input       `json:"inputs"`
	OutputGroups []OutputGroup `json:"outputGroups"`
}

// Decode reads settings that the model has found valid.
func Decode(doc []byte) (*Job, error) {
	job := new(Job)
	d := json.NewDecoder(bytes.NewReader(doc))
	if err := d.Decode(job); err != nil {
		return nil, fmt.Errorf("decode job settings: %w", err)
	}
	return job, nil
}

// Input is one source of a job.
type Input struct {
	FileInput           string                        `json:"fileInput"`
	AudioSelectors      map[string]AudioSelector      `json:"audioSelectors"`
	AudioSelectorGroups map[string]AudioSelectorGroup `json:"audioSelectorGroups"`
	CaptionSelectors    map[string]json.RawMessage    `json:"captionSelectors"`
	VideoSelector       VideoSelector                 `json:"videoSelector"`
	InputClippings      []json.RawMessage             `json:"inputClippings"`
	Crop                json.RawMessage               `json:"crop"`
	Position            json.RawMessage               `json:"position"`
	ImageInserter       json.RawMessage               `json:"imageInserter"`
	DecryptionSettings  json.RawMessage               `json:"decryptionSettings"`
	VideoOverlays       []json.RawMessage             `json:"videoOverlays"`
	VideoGenerator      json.RawMessage               `json:"videoGenerator"`
}

// AudioSelector picks audio of an input.
type AudioSelector struct {
	DefaultSelection       string          `json:"defaultSelection"`
	SelectorType           string          `json:"selectorType"`
	LanguageCode           string          `json:"languageCode"`
	CustomLanguageCode     string          `json:"customLanguageCode"`
	Tracks                 []int           `json:"tracks"` // from 1
	Streams                []int           `json:"streams"`
	Pids                   []int           `json:"pids"`
	ExternalAudioFileInput string          `json:"externalAudioFileInput"`
	RemixSettings          json.RawMessage `json:"remixSettings"`
}

// AudioSelectorGroup joins audio selectors.
type AudioSelectorGroup struct {
	AudioSelectorNames []string `json:"audioSelectorNames"`
}

// VideoSelector says how the input's pictures are read.
type VideoSelector struct {
	Rotate string `json:"rotate"` // DEGREE_0 (the default) leaves rotation metadata aside; AUTO follows it
}

// OutputGroup is one package with its outputs.
type OutputGroup struct {
	Name                      string              `json:"name"`
	CustomName                string              `json:"customName"`
	OutputGroupSettings       OutputGroupSettings `json:"outputGroupSettings"`
	Outputs                   []Output            `json:"outputs"`
	AutomatedEncodingSettings json.RawMessage     `json:"automatedEncodingSettings"`
}

// The output group types.
const (
	CMAF   = "CMAF_GROUP_SETTINGS"
	HLS    = "HLS_GROUP_SETTINGS"
	DASH   = "DASH_ISO_GROUP_SETTINGS"
	File   = "FILE_GROUP_SETTINGS"
	Smooth = "MS_SMOOTH_GROUP_SETTINGS"
)

// OutputGroupSettings carries the one member that its type names.
type OutputGroupSettings struct {
	Type   string         `json:"type"`
	CMAF   *GroupSettings `json:"cmafGroupSettings"`
	HLS    *GroupSettings `json:"hlsGroupSettings"`
	DASH   *GroupSettings `json:"dashIsoGroupSettings"`
	File   *GroupSettings `json:"fileGroupSettings"`
	Smooth *GroupSettings `json:"msSmoothGroupSettings"`
}

// Group returns the member that the type names, or nil.
func (s OutputGroupSettings) Group() *GroupSettings {
	switch s.Type {
	case CMAF:
		return s.CMAF
	case HLS:
		return s.HLS
	case DASH:
		return s.DASH
	case File:
		return s.File
	case Smooth:
		return s.Smooth
	}
	return nil
}

// GroupSettings is what the group types have in common and what some add.
type GroupSettings struct {
	Destination         string          `json:"destination"`
	DestinationSettings json.RawMessage `json:"destinationSettings"`
	SegmentLength       int             `json:"segmentLength"`  // seconds; 0: the default
	FragmentLength      int             `json:"fragmentLength"` // seconds; 0: the default
	SegmentControl      string          `json:"segmentControl"`
	SegmentLengthCtl    string          `json:"segmentLengthControl"`
	FragmentLengthCtl   string          `json:"fragmentLengthControl"`
	MinSegmentLength    int             `json:"minSegmentLength"`
	MinFinalSegment     float64         `json:"minFinalSegmentLength"`
	WriteHLSManifest    string          `json:"writeHlsManifest"`
	WriteDASHManifest   string          `json:"writeDashManifest"`
	MpdProfile          string          `json:"mpdProfile"`
	DirectoryStructure  string          `json:"directoryStructure"`
	OutputSelection     string          `json:"outputSelection"`
	ManifestCompression string          `json:"manifestCompression"`
	ManifestEncoding    string          `json:"manifestEncoding"` // of Smooth: UTF8 (default), UTF16
	TrickPlay           string          `json:"imageBasedTrickPlay"`
	TrickPlaySettings   *TrickPlay      `json:"imageBasedTrickPlaySettings"`
	Encryption          json.RawMessage `json:"encryption"`
	AdditionalManifests json.RawMessage `json:"additionalManifests"`
	BaseURL             string          `json:"baseUrl"`
}

// TrickPlay is the form of the thumbnails.
type TrickPlay struct {
	IntervalCadence   string  `json:"intervalCadence"`
	ThumbnailHeight   int     `json:"thumbnailHeight"`   // pixels
	ThumbnailWidth    int     `json:"thumbnailWidth"`    // pixels
	ThumbnailInterval float64 `json:"thumbnailInterval"` // seconds
	TileHeight        int     `json:"tileHeight"`        // rows
	TileWidth         int     `json:"tileWidth"`         // columns
}

// Output is one rendition of a group.
type Output struct {
	NameModifier        string             `json:"nameModifier"`
	Extension           string             `json:"extension"`
	Preset              string             `json:"preset"`
	ContainerSettings   *ContainerSettings `json:"containerSettings"`
	VideoDescription    *VideoDescription  `json:"videoDescription"`
	AudioDescriptions   []AudioDescription `json:"audioDescriptions"`
	CaptionDescriptions []json.RawMessage  `json:"captionDescriptions"`
	OutputSettings      struct {
		HLS AudioGroup `json:"hlsSettings"`
	} `json:"outputSettings"`
}

// ContainerSettings names the container and how an audio output is listed.
type ContainerSettings struct {
	Container string     `json:"container"`
	CMFC      AudioGroup `json:"cmfcSettings"`
}

// AudioGroup places audio renditions in the parent playlist.
type AudioGroup struct {
	AudioGroupID       string `json:"audioGroupId"`
	AudioRenditionSets string `json:"audioRenditionSets"`
	AudioTrackType     string `json:"audioTrackType"`
	AudioOnlyContainer string `json:"audioOnlyContainer"`
	SegmentModifier    string `json:"segmentModifier"`
	IFrameOnlyManifest string `json:"iFrameOnlyManifest"`
}
