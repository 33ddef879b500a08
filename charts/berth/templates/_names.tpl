{{/* Names of objects, their labels and their images. */}}

{{/* At most 35 characters, so that "-worker-" and a pool's name of 20 still fit into a Service's 63. */}}
{{- define "berth.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 35 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- $full | trunc 35 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects pods: dict "root" $ "component" "gateway". */}}
{{- define "berth.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- with .pool }}
berth/pool: {{ . }}
{{- end }}
{{- end -}}

{{- define "berth.labels" -}}
{{ include "berth.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* dict "image" … "tag" <the tag if the image names none>. */}}
{{- define "berth.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .tag }}
{{- end -}}
{{- end -}}

{{- define "berth.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "berth.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "berth.nodeSecret" -}}
{{- default (printf "%s-node" (include "berth.fullname" .)) .Values.nodeSecret.existingSecret -}}
{{- end -}}

{{- define "berth.adminSecret" -}}
{{- default (printf "%s-admin" (include "berth.fullname" .)) .Values.admin.existingSecret -}}
{{- end -}}

{{- define "berth.redisSecret" -}}
{{- default (printf "%s-redis" (include "berth.fullname" .)) .Values.redis.existingSecret -}}
{{- end -}}

{{/* "true" if the chart runs a Redis for trials. */}}
{{- define "berth.trialRedis" -}}
{{- if not (or .Values.redis.url .Values.redis.existingSecret) -}}true{{- end -}}
{{- end -}}
