{{/* Parts of pods. */}}

{{/* dict "root" "values" <the component's> "selector" <its labels>. */}}
{{- define "berth.placement" -}}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  {{- $own := dict "labelSelector" (dict "matchLabels" ($.selector | fromYaml)) }}
  - {{- toYaml (hasKey . "labelSelector" | ternary . (merge $own .)) | nindent 4 }}
  {{- end }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The pod's account, and no variables of Services: with a Service called redis, Kubernetes would set REDIS_PORT. */}}
{{- define "berth.podSecurity" -}}
serviceAccountName: {{ include "berth.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  {{- range $key, $id := pick .Values.security "runAsUser" "runAsGroup" "fsGroup" }}
  {{- if not (kindIs "invalid" $id) }}
  {{ $key }}: {{ int64 $id }}
  {{- end }}
  {{- end }}
  seccompProfile:
    {{- toYaml .Values.security.seccompProfile | nindent 4 }}
{{- end -}}

{{- define "berth.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* /livez: the loop turns. /readyz: Redis answers, nothing drains, and for a worker: a sidecar is there. */}}
{{- define "berth.probes" -}}
startupProbe:
  httpGet: { path: /livez, port: admin }
  periodSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet: { path: /livez, port: admin }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: admin }
  periodSeconds: 3
  timeoutSeconds: 3
  failureThreshold: 2
{{- end -}}

{{/* The environment that gateways and workers share. */}}
{{- define "berth.environment" -}}
- name: BERTH_CONFIG
  value: /etc/berth/config/berth.yaml
- name: BERTH_FLEET
  value: {{ .Values.fleet | quote }}
- name: LOG_LEVEL
  value: {{ .Values.logLevel | quote }}
- name: NODE_ID
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
- name: NODE_SECRET_FILE
  value: /etc/berth/secrets/node-secret
- name: BERTH_ADMIN_TOKEN_FILE
  value: /etc/berth/secrets/admin-token
- name: REDIS_URL_FILE
  value: /etc/berth/secrets/redis-url
{{- if .Values.redis.ca.existingSecret }}
- name: BERTH_REDIS_CA
  value: /etc/berth/secrets/redis-ca.crt
{{- end }}
{{- end -}}

{{- define "berth.mounts" -}}
- name: config
  mountPath: /etc/berth/config
  readOnly: true
- name: secrets
  mountPath: /etc/berth/secrets
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- end -}}

{{/* dict "root" "config" <the Secret with berth.yaml>. Whole folders are mounted, so that changes arrive. */}}
{{- define "berth.volumes" -}}
- name: config
  secret:
    secretName: {{ .config }}
    defaultMode: 0440
    items: [{ key: berth.yaml, path: berth.yaml }]
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ include "berth.nodeSecret" .root }}
          items: [{ key: {{ .root.Values.nodeSecret.key }}, path: node-secret }]
      - secret:
          name: {{ include "berth.adminSecret" .root }}
          items: [{ key: {{ .root.Values.admin.key }}, path: admin-token }]
      - secret:
          name: {{ include "berth.redisSecret" .root }}
          items: [{ key: {{ empty .root.Values.redis.existingSecret | ternary "url" .root.Values.redis.key }}, path: redis-url }]
      {{- with .root.Values.redis.ca.existingSecret }}
      - secret:
          name: {{ . }}
          items: [{ key: {{ $.root.Values.redis.ca.key }}, path: redis-ca.crt }]
      {{- end }}
- name: tmp
  emptyDir: {}
{{- end -}}

{{- define "berth.listenHost" -}}
{{- .Values.ipv6 | ternary "[::]" "0.0.0.0" -}}
{{- end -}}
