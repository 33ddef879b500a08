{{/* What is computed from values. */}}

{{/* A duration's seconds, rounded up: 500ms, 30s, 2m, 1h. */}}
{{- define "berth.seconds" -}}
{{- $number := regexFind "^[0-9]+" . | int -}}
{{- if hasSuffix "ms" . -}}{{ div (add $number 999) 1000 }}
{{- else if hasSuffix "s" . -}}{{ $number }}
{{- else if hasSuffix "m" . -}}{{ mul $number 60 }}
{{- else if hasSuffix "h" . -}}{{ mul $number 3600 }}
{{- else -}}0
{{- end -}}
{{- end -}}

{{/* After a drain a process tells its last clients and ends its sidecars; with preStopSeconds that stays below 30 s. */}}
{{- define "berth.grace" -}}
{{- add (include "berth.seconds" .) 30 -}}
{{- end -}}

{{/* A pool with the keys of `worker` that it leaves out, as YAML: dict "root" $ "name" … "pool" …. Computed besides:
     fullLabel (with the region), slotsAPod, scale (the name that the gateway's count has) and isBrowser. */}}
{{- define "berth.pool" -}}
{{- $pool := mergeOverwrite (deepCopy .root.Values.worker) (deepCopy .pool) -}}
{{- $_ := set $pool "sidecar" (default dict $pool.sidecar) -}}
{{- $kind := $pool.sidecar.kind | default "playwright" -}}
{{- $label := $pool.label -}}
{{- with $pool.region }}{{ $label = printf "%s:%s" $label . }}{{ end -}}
{{- $slots := $pool.slots | default 0 | int -}}
{{- with $pool.sidecar.names }}{{ $slots = len . }}{{ end -}}
{{- with $pool.sidecar.attach }}
{{- $slots = len . -}}
{{- if eq ($pool.sidecar.mode | default "dedicated") "shared" }}
{{- $slots = mul $slots ($pool.sidecar.sessions | default 5) -}}
{{- end -}}
{{- end -}}
{{- $scale := $label -}}
{{- $segments := splitList ":" $pool.label -}}
{{- $named := and (gt (len $segments) 1) (has (lower (index $segments 1)) (list "chromium" "firefox" "webkit")) -}}
{{- if and $pool.sidecar.browser (not $named) }}{{ $scale = printf "%s|%s" $label $pool.sidecar.browser }}{{ end -}}
{{- $_ := set $pool "kind" $kind -}}
{{- $_ := set $pool "fullLabel" $label -}}
{{- $_ := set $pool "slotsAPod" $slots -}}
{{- $_ := set $pool "scale" $scale -}}
{{- $_ := set $pool "isBrowser" (not (has $kind (list "lease" "attach"))) -}}
{{- $image := default dict $pool.image -}}
{{/* The digest of another image is none of this one. */}}
{{- $base := (not (empty $image)) | ternary (omit .root.Values.image "digest") .root.Values.image -}}
{{- $_ := set $pool "image" (mergeOverwrite (deepCopy $base) $image) -}}
{{ toYaml $pool }}
{{- end -}}

{{/* berth.yaml of a pool's workers. */}}
{{- define "berth.workerFile" -}}
{{- $table := deepCopy .sidecar -}}
{{- if .slots }}{{ $_ := set $table "slots" (int .slots) }}{{ end -}}
{{- if and (eq .kind "chromium") (not .chromiumSandbox) -}}
{{/* Containers forbid the user namespaces of Chromium's sandbox. */}}
{{- $_ := set $table "args" (prepend (default list $table.args) "--no-sandbox") -}}
{{- end -}}
pools:
  {{ .label | quote }}:
    {{- toYaml $table | nindent 4 }}
{{- end -}}

{{/* Labels of the pools that may have no worker, as a YAML list; empty if there is none. */}}
{{- define "berth.scaleFromZero" -}}
{{- range $name, $given := .Values.pools -}}
{{- $pool := include "berth.pool" (dict "root" $ "name" $name "pool" $given) | fromYaml -}}
{{- if and (eq $pool.autoscaling.by "keda") (eq (int $pool.autoscaling.minReplicas) 0) }}
- {{ $pool.scale | quote }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The key of the tenant "default", which the chart makes if nobody else may connect: "true" or nothing. */}}
{{- define "berth.makesKey" -}}
{{- if not (or .Values.tenants .Values.gateway.insecureOpen .Values.config.existingSecret) -}}true{{- end -}}
{{- end -}}

{{/* A value of a Secret of the release in base64: the one that is there, else a new one. dict "root" "name" "key". */}}
{{- define "berth.kept" -}}
{{- $there := (lookup "v1" "Secret" .root.Release.Namespace .name | default dict).data | default dict -}}
{{- index $there .key | default (randAlphaNum 43 | b64enc) -}}
{{- end -}}
