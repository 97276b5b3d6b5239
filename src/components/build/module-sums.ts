/**
 * Sums of the modules that are built and of those that are released together with them, as lines of a go.sum.
 * What these require in turn is in the go.sum that each of them ships, so that every line of code that is
 * compiled is known by its sum, whatever proxy it comes from. For another version: build once with Go's
 * checksum database on, and take the lines that go adds to the wrapper's go.sum.
 */
export const MODULE_SUMS: Readonly<Record<string, string>> = {
  'kubernetes v1.36.3': `
k8s.io/api v0.36.3 h1:NxB+05W2UGqXWFXcLO0RB5cnqnUPP5v5sVlaOH0Iz4w=
k8s.io/api v0.36.3/go.mod h1:JzLQKqRHC5+I8RVj/lS3lCg0mg6nWI9Fo/Sk3ElxHzg=
k8s.io/apiextensions-apiserver v0.36.3 h1:dPmOAPhwTtqb1bTxbFPsy18KHPhktQeO3WUPXunZIB0=
k8s.io/apiextensions-apiserver v0.36.3/go.mod h1:KTXFqgXiuw2pRoL+Wpmttqc+up9Xt/GohadPWeLLOa4=
k8s.io/apimachinery v0.36.3 h1:PkzMRBRG8joFD8EhCuQAtNPvJlxb82FwplP26HIzvAM=
k8s.io/apimachinery v0.36.3/go.mod h1:cTSjBWgPe/6CQyBKzY/hDIRWCQQQeK0mfLbml0UYFHE=
k8s.io/apiserver v0.36.3 h1:MGSg2SkdfuytiDEcRylT5mQFmmSsbx90XFUO67Y4bsQ=
k8s.io/apiserver v0.36.3/go.mod h1:fVH7zv9EUNUA7Fl7LtDKh8aB9W7u1VQPSGtWV5SjUxg=
k8s.io/cli-runtime v0.36.3 h1:g+eJ+M1sYpnNYp/q5fzaw2KejIL0Q7DH+xFl6YVoL4U=
k8s.io/cli-runtime v0.36.3/go.mod h1:hZpAqK8nSFXvvLaVCbzUPVp8e9TRLSTCfpNzMt7s3tE=
k8s.io/client-go v0.36.3 h1:M4JdVzXxYcZk4fGpfDdYnxSwhLKWCFoQsHW6t+z8Hfg=
k8s.io/client-go v0.36.3/go.mod h1:gcPwr0c87vjjG6HB6pWEqOeuYVoXSsREjzux2j6GF30=
k8s.io/cloud-provider v0.36.3 h1:M5Nu+Dms8w5WIWJ+kmazaXCpTy3sRPxxFkksTH23MmA=
k8s.io/cloud-provider v0.36.3/go.mod h1:OEXyTpOUQz+wrw8F3b+DwwDORz1FiR8+vvxk7UvEedM=
k8s.io/cluster-bootstrap v0.36.3 h1:pyPFVCjsHrwl3mIQV3dp7YuXn//1DHVpCDzpcjqF6tI=
k8s.io/cluster-bootstrap v0.36.3/go.mod h1:yWUirkNm9DKtLZhGP/lbdJAIU9iUuH/Z9NDdZnkutAk=
k8s.io/component-base v0.36.3 h1:vc/UFvPCkW0irPz84LAodAL1j3f4xktPM6dDJIEheAY=
k8s.io/component-base v0.36.3/go.mod h1:hZbNFG+gCMl9EbykDGEu73feKP9/Cq6JsV4pTo9GTO8=
k8s.io/component-helpers v0.36.3 h1:hya22S0Mto0SlHaiD4kMIi817f/tK7uTMsShxrDKQaY=
k8s.io/component-helpers v0.36.3/go.mod h1:QjREK1lOFXR+jxTqzrtHgOtzUc2s9sm8zuFSiK+TW+c=
k8s.io/controller-manager v0.36.3 h1:GUP9E6+1EUEzxZgceOw2I+jyuahrTluadj6ZoZ/1Sbw=
k8s.io/controller-manager v0.36.3/go.mod h1:zrjaNqXRz4vfK5TdOQZEfOiTofcyIKrt/Y+jKdwqLa4=
k8s.io/cri-api v0.36.3 h1:QFEMKGim6DSdlaW3JwpjVCjUQgTnkKG7i3McAaBW6Fo=
k8s.io/cri-api v0.36.3/go.mod h1:1gMX7udEAiRCWGS4uxscdbxq6vufwhZt38Ri+XH6P00=
k8s.io/cri-client v0.36.3 h1:WJDkJi43siWEUPyChC4ag9xUannsyW/TfL4OgLUsYOA=
k8s.io/cri-client v0.36.3/go.mod h1:kQd5eyZf1fGedMYirzWXG+miafXvaQHwRjYvWTjHcKc=
k8s.io/cri-streaming v0.36.3 h1:9K5Is7E9rwhwrOOiRWoWNX2xQ/5haD6G6DMl6pvfn9M=
k8s.io/cri-streaming v0.36.3/go.mod h1:qNVk/oZbSFiV9Ml/F5wdE16sE4lp+Mk4JJxlB8NbitI=
k8s.io/csi-translation-lib v0.36.3 h1:C0bncvnjwMGNiBwHbukjiTMhyl2V0QFDH+en8m1q5bo=
k8s.io/csi-translation-lib v0.36.3/go.mod h1:PbDO8nzkv0hgdy36sn3ipms2rJBLAsSnCn/s0QASZP0=
k8s.io/dynamic-resource-allocation v0.36.3 h1:5cDyWiGhqJMrp8UwdgAqHcDkZHQ7wFhIK4aTr3OgFrI=
k8s.io/dynamic-resource-allocation v0.36.3/go.mod h1:jt+LtmnMqIqV7lG4PznEtuhPy+fHipfAD0Q+biKszAg=
k8s.io/endpointslice v0.36.3 h1:5q2Vn5IP9yDCFIb0zNaRWXV59srZbqzhhUxf3qkcL+E=
k8s.io/endpointslice v0.36.3/go.mod h1:IqqIGV1fIEdiI6V/IzH2InMbk6N4OH1nYjWx4RC1GKw=
k8s.io/externaljwt v0.36.3 h1:a4dbIxCyBLmiz2dhxQfbRPTDdy6RF6KVh492SN346L0=
k8s.io/externaljwt v0.36.3/go.mod h1:/up0w3ygAuF3rfFwzmStspfU10YL3toK+Ejj1H2TXn4=
k8s.io/kms v0.36.3 h1:uHY7Vfec0IhuTWjO6u/u/6hE1DcZmCB7Xm/6+GQxkNs=
k8s.io/kms v0.36.3/go.mod h1:g91diTD9h0oJCCHkTb00krlF+Qm5HTnkWLi9Q/TpRoc=
k8s.io/kube-aggregator v0.36.3 h1:eypRCZKyGx3u9TLdnLva47l6R/67Zs9h9FQI+uMruaY=
k8s.io/kube-aggregator v0.36.3/go.mod h1:WLfUZLoYlcuy+LnfBOv9eV9bVvNf+x8dYt0mfVrq/6Y=
k8s.io/kube-controller-manager v0.36.3 h1:aR1L81tpNzINGkGy9x00Vfpm0Cx9+EivY48ugpsy6+A=
k8s.io/kube-controller-manager v0.36.3/go.mod h1:kgv6ebegdZD87X3/tHLSSK5nb10veh+CKsO+/UT55ig=
k8s.io/kube-proxy v0.36.3 h1:ipoTO/dvNTpbpW6RAvCSCMh1zB2WwpEBkNLLdrz1h7U=
k8s.io/kube-proxy v0.36.3/go.mod h1:467XkulafnGyKCKSSlfQmfEWg1BBUgGSYksXhQ89/iw=
k8s.io/kube-scheduler v0.36.3 h1:sc18quI2CgvH23oU1eJIQ21ivJENzjH4cxATqLSSubM=
k8s.io/kube-scheduler v0.36.3/go.mod h1:M7zaLPp1Q3S6ddqZYYLiQiGw21t5bLD0FaPRXyomP7c=
k8s.io/kubectl v0.36.3 h1:TesKp+XYQEjPYoFvuobcVnuvira2+/xAVlq//+kksaI=
k8s.io/kubectl v0.36.3/go.mod h1:W+NEb1CzBGmoaI1Nrpn2ETo9omNBl0AsyxnnMT40N6E=
k8s.io/kubelet v0.36.3 h1:dRzEnhHk35Opy6wjWR4YBcN5RI9lB2npUY37TghFuPU=
k8s.io/kubelet v0.36.3/go.mod h1:4USFGr21Ioka+b964Beq0NvV5b5aca3RWJ1/kfq+RLw=
k8s.io/kubernetes v1.36.3 h1:qDQdoMiluAE2Eab6Fa52YV+WjiGz9mZFFoagEA6cI+o=
k8s.io/kubernetes v1.36.3/go.mod h1:6oChkQeI7Yf6lV9lFpSdRzODdbY/ECp/4zUeBk8ONaw=
k8s.io/metrics v0.36.3 h1:NDKceAgWS8CJCdDtM5kFACkBOa9Lxia1jUiibJfvUgQ=
k8s.io/metrics v0.36.3/go.mod h1:NTLS8ybwn+zYGwKqYublWPvmnNp8N4pV3etjtx7XWaM=
k8s.io/mount-utils v0.36.3 h1:X/18T+WI3UfJvcGa2MMdSBOL5zjT7fIcB7zGHAv6UDk=
k8s.io/mount-utils v0.36.3/go.mod h1:+I47UOG6FiUGVSy7VanjU/mQXLShMo3M7xBpGLzCub8=
k8s.io/pod-security-admission v0.36.3 h1:nWRx42eQwSkapa0TPwtho35adfSziRmPYuzwU+4xPpo=
k8s.io/pod-security-admission v0.36.3/go.mod h1:wYrV4tipwzgwUOFIy14KcpIfUKnJduVZPHZMgJEUbVg=
k8s.io/streaming v0.36.3 h1:9rAaqBk0C0Pc7+/fqGekj07NV+/Xrew58p647A0JT8w=
k8s.io/streaming v0.36.3/go.mod h1:z6fV3D+NVkoeqRMtWwlUZK6U17SY/LqNzOxWL6GyR/s=
`,
  'etcd v3.6.8': `
go.etcd.io/etcd/api/v3 v3.6.8 h1:gqb1VN92TAI6G2FiBvWcqKtHiIjr4SU2GdXxTwyexbM=
go.etcd.io/etcd/api/v3 v3.6.8/go.mod h1:qyQj1HZPUV3B5cbAL8scG62+fyz5dSxxu0w8pn28N6Q=
go.etcd.io/etcd/client/pkg/v3 v3.6.8 h1:Qs/5C0LNFiqXxYf2GU8MVjYUEXJ6sZaYOz0zEqQgy50=
go.etcd.io/etcd/client/pkg/v3 v3.6.8/go.mod h1:GsiTRUZE2318PggZkAo6sWb6l8JLVrnckTNfbG8PWtw=
go.etcd.io/etcd/client/v3 v3.6.8 h1:B3G76t1UykqAOrbio7s/EPatixQDkQBevN8/mwiplrY=
go.etcd.io/etcd/client/v3 v3.6.8/go.mod h1:MVG4BpSIuumPi+ELF7wYtySETmoTWBHVcDoHdVupwt8=
go.etcd.io/etcd/etcdctl/v3 v3.6.8 h1:iO3zX9xuY/X2Y+fnt6mUR7o/18iBGYpd/lhs/4FqHCc=
go.etcd.io/etcd/etcdctl/v3 v3.6.8/go.mod h1:8X8SvxOc5kPQ0e+jbSx3RgKzTNQ3O8rBuQEoDKuQFX0=
go.etcd.io/etcd/etcdutl/v3 v3.6.8 h1:5YolVcLplhVwSR7IXemN7kBpx/L4qHAmyNc+iW+PL/k=
go.etcd.io/etcd/etcdutl/v3 v3.6.8/go.mod h1:HGfpMG6Sjo9S6KWeXctiYcN8LjLbbUBdAjCYb8V977w=
go.etcd.io/etcd/pkg/v3 v3.6.8 h1:Xe+LIL974spy8b4nEx3H0KMr1ofq3r0kh6FbU3aw4es=
go.etcd.io/etcd/pkg/v3 v3.6.8/go.mod h1:TRibVNe+FqJIe1abOAA1PsuQ4wqO87ZaOoprg09Tn8c=
go.etcd.io/etcd/server/v3 v3.6.8 h1:U2strdSEy1U8qcSzRIdkYpvOPtBy/9i/IfaaCI9flZ4=
go.etcd.io/etcd/server/v3 v3.6.8/go.mod h1:88dCtwUnSirkUoJbflQxxWXqtBSZa6lSG0Kuej+dois=
`,
  'coredns v1.14.2': `
github.com/coredns/coredns v1.14.2 h1:L6ECLwm4Fjg7NJamtGBFDBjk/uqvCJjfgAEhrxh5zJo=
github.com/coredns/coredns v1.14.2/go.mod h1:nuO2VVHVluZ6xzPv0dhcNc2h9roH5WxXhtuQH2TkQBc=
`,
  'containerd v2.3.7': `
github.com/containerd/containerd/v2 v2.3.7 h1:7PGbgAVKE4ieQjFPv7+kwAv7f9dCtRpExZwjExHD/Fk=
github.com/containerd/containerd/v2 v2.3.7/go.mod h1:usc1tgzxnUlhLLW9KLqTEKRTSix46fIc6XHDZt4Tlrs=
`,
};
