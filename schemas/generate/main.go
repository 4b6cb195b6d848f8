// Command generate writes schemas/pb from the .proto files beside it.
//
// protocompile stands in for protoc, so that `make generate` needs nothing but
// Go: it compiles the files and pipes the request to protoc-gen-go, which
// go.mod pins as a tool. protoc-gen-go-vtproto then adds methods that read and
// write the same bytes without reflection, at a third of the time: the scoring
// worker does little else (docs/decisions).
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	if err := generate(".", "pb"); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func generate(from, to string) error {
	names := []string{"event.proto", "score.proto"}
	compiler := protocompile.Compiler{
		Resolver:       &protocompile.SourceResolver{ImportPaths: []string{from}},
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := compiler.Compile(context.Background(), names...)
	if err != nil {
		return err
	}
	request := &pluginpb.CodeGeneratorRequest{FileToGenerate: names}
	for _, f := range files {
		request.ProtoFile = append(request.ProtoFile, protodesc.ToFileDescriptorProto(f))
	}
	for _, p := range plugins {
		request.Parameter = proto.String(p.parameter)
		response, err := runPlugin(p.name, request)
		if err != nil {
			return err
		}
		for _, f := range response.File {
			if err := os.WriteFile(filepath.Join(to, f.GetName()), []byte(f.GetContent()), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

var plugins = []struct{ name, parameter string }{
	{"protoc-gen-go", "paths=source_relative"},
	// unmarshal_unsafe lets strings and bytes be parts of the message that was read.
	{"protoc-gen-go-vtproto", "paths=source_relative,features=marshal+size+unmarshal_unsafe+pool," + reused},
}

// reused are the messages that are read into the memory of the one before: a restore
// reads millions of leads.
const reused = "pool=leadstream/schemas/pb.LeadRecord,pool=leadstream/schemas/pb.LeadState,pool=leadstream/schemas/pb.RuleState," +
	"pool=leadstream/schemas/pb.DayState,pool=leadstream/schemas/pb.View,pool=leadstream/schemas/pb.Trait,pool=leadstream/schemas/pb.Term," +
	"pool=leadstream/schemas/pb.GroupBound,pool=leadstream/schemas/pb.Source"

func runPlugin(name string, request *pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, error) {
	in, err := proto.Marshal(request)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "tool", name)
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	response := new(pluginpb.CodeGeneratorResponse)
	if err := proto.Unmarshal(out, response); err != nil {
		return nil, err
	}
	if response.Error != nil {
		return nil, fmt.Errorf("%s: %s", name, response.GetError())
	}
	return response, nil
}
